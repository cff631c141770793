//! Field paths in messages: the core names fields as the manifest has them, a caller knows them as its request
//! has them.

use std::borrow::Cow;

use triton_core::service::{ApiError, ApiErrorKind};

/// Where each field of a manifest stands in a request; the first that fits is taken. One that ends with a dot
/// stands for all fields below it.
pub(crate) type Paths = &'static [(&'static str, &'static str)];

/// In a request to create.
pub(crate) const CREATE: Paths = &[
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
    ("spec.rollbackTo", "rollbackTo"),
    ("spec.updateStrategy", "strategy"),
];
/// In a request to roll an instance back.
pub(crate) const ROLLBACK: Paths = &[
    ("spec.application.instanceName", "instance.name"),
    ("spec.application.replicas", "replicas"),
    ("spec.rollbackTo.revision", "revision"),
    ("spec.updateStrategy", "strategy"),
];
/// In any other order to an instance.
pub(crate) const ORDER: Paths = &[
    ("spec.application.instanceName", "instance.name"),
    ("spec.application.replicas", "replicas"),
    ("spec.nonUpdateStrategy", "strategy"),
];

/// Between two faults in a message.
const GAP: &str = "; ";

/// A refusal in the terms of the request; other errors are left alone.
pub(crate) fn in_request_terms(paths: Paths) -> impl Fn(ApiError) -> ApiError {
    move |mut error| {
        if error.kind == ApiErrorKind::InvalidArgument {
            error.message = request_terms(paths, &error.message);
        }
        error
    }
}

/// A message about a manifest, in the terms of the request.
fn request_terms(paths: Paths, message: &str) -> String {
    translate(message, paths, |(manifest, request)| (manifest, request))
}

/// The inverse of [`request_terms`].
pub(crate) fn manifest_terms(paths: Paths, message: &str) -> String {
    translate(message, paths, |(manifest, request)| (request, manifest))
}

/// Only a path at the head of a fault is translated: what follows it is prose.
fn translate(
    message: &str,
    paths: Paths,
    order: fn((&'static str, &'static str)) -> (&'static str, &'static str),
) -> String {
    let one = |fault| {
        let hit = paths.iter().copied().map(order).find_map(|(from, to)| {
            let rest = str::strip_prefix(fault, from)?;
            let whole = from.ends_with('.') || rest.starts_with([':', '.', '[']);
            whole.then(|| Cow::Owned(format!("{to}{rest}")))
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
            request_terms(CREATE, MANIFEST),
            "action: must be one of create, update; strategy.batchSizes[1]: must be at least 1; \
             applicationSpec.applicationType: must be cloneset; template.spec.containers: must have at least one \
             container; strategy.maxUnavailable: is not carried out by this version; leave it out",
        );
    }

    #[test]
    fn the_client_gets_the_words_of_the_core_back() {
        assert_eq!(manifest_terms(CREATE, &request_terms(CREATE, MANIFEST)), MANIFEST);
    }

    #[test]
    fn an_order_has_one_strategy_whichever_the_manifest_has() {
        for (paths, manifest) in [(ORDER, "spec.nonUpdateStrategy"), (ROLLBACK, "spec.updateStrategy")] {
            let words = format!("{manifest}.batchSize: must be at least 1; spec.application.replicas: no");
            let told = request_terms(paths, &words);
            assert_eq!(told, "strategy.batchSize: must be at least 1; replicas: no");
            assert_eq!(manifest_terms(paths, &told), words);
        }
    }

    #[test]
    fn prose_is_left_alone() {
        for text in ["the template is fine", "strategy", "spec.application.replicasX: no", ""] {
            assert_eq!(
                (request_terms(CREATE, text), manifest_terms(CREATE, text)),
                (text.into(), text.into())
            );
        }
    }
}
