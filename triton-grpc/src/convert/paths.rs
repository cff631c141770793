//! Field paths in messages: the core names fields as the manifest has them, a caller of Create knows them as
//! its request has them.

use std::borrow::Cow;

/// Where each field of a manifest stands in a request to create.
const PATHS: [(&str, &str); 13] = [
    ("spec.action", "action"),
    ("spec.application.appID", "appID"),
    ("spec.application.appName", "appName"),
    ("spec.application.applicationLabel", "applicationSpec.applicationLabel"),
    ("spec.application.applicationType", "applicationSpec.applicationType"),
    ("spec.application.groupID", "groupID"),
    ("spec.application.instanceName", "instanceName"),
    ("spec.application.replicas", "applicationSpec.replicas"),
    ("spec.application.selector", "selector"),
    ("spec.application.template", "template"),
    ("spec.application.volumeClaimTemplates", "volumeClaimTemplates"),
    ("spec.nonUpdateStrategy", "nonUpdateStrategy"),
    ("spec.updateStrategy", "strategy"),
];

/// Between two faults in a message.
const GAP: &str = "; ";

/// A message about a manifest, in the terms of the request.
pub(crate) fn request_terms(message: &str) -> String {
    translate(message, |(manifest, request)| (manifest, request))
}

/// The inverse of [`request_terms`].
pub(crate) fn manifest_terms(message: &str) -> String {
    translate(message, |(manifest, request)| (request, manifest))
}

/// Only a path at the head of a fault is translated: what follows it is prose.
fn translate(
    message: &str,
    order: fn((&'static str, &'static str)) -> (&'static str, &'static str),
) -> String {
    let one = |fault| {
        let hit = PATHS.into_iter().map(order).find_map(|(from, to)| {
            let rest = str::strip_prefix(fault, from)?;
            rest.starts_with([':', '.', '[']).then(|| Cow::Owned(format!("{to}{rest}")))
        });
        hit.unwrap_or(Cow::Borrowed(fault))
    };
    message.split(GAP).map(one).collect::<Vec<_>>().join(GAP)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST: &str = "spec.action: must be one of create, update; spec.updateStrategy.batchSizes[1]: must be at \
        least 1; spec.application.applicationType: must be cloneset; spec.application.template.spec.containers: must \
        have at least one container; spec.updateStrategy.maxUnavailable: is not carried out by this version; leave it \
        out";

    #[test]
    fn paths_are_named_as_the_request_has_them() {
        assert_eq!(
            request_terms(MANIFEST),
            "action: must be one of create, update; strategy.batchSizes[1]: must be at least 1; \
             applicationSpec.applicationType: must be cloneset; template.spec.containers: must have at least one \
             container; strategy.maxUnavailable: is not carried out by this version; leave it out",
        );
    }

    #[test]
    fn the_client_gets_the_words_of_the_core_back() {
        assert_eq!(manifest_terms(&request_terms(MANIFEST)), MANIFEST);
    }

    #[test]
    fn prose_is_left_alone() {
        for text in ["the template is fine", "strategy", "spec.application.replicasX: no", ""] {
            assert_eq!((request_terms(text), manifest_terms(text)), (text.into(), text.into()));
        }
    }
}
