//! Field paths in messages: the core names fields as the manifest has them, a caller knows them as the body
//! has them.

use crate::convert::Paths;
pub(super) use crate::convert::in_request_terms as of;

/// Of a flow to be made.
pub(super) const FLOW: Paths =
    &[("spec.application", "applicationSpec"), ("spec.", ""), ("requestID", "Idempotency-Key")];
/// Of an order with a whole strategy for a body.
pub(super) const STRATEGY: Paths = &[("spec.nonUpdateStrategy.", "")];
/// Of an order with a size.
pub(super) const SIZE: Paths =
    &[("spec.application.replicas", "replicas"), ("spec.nonUpdateStrategy", "nonUpdateStrategy")];
/// Of a rollback.
pub(super) const ROLLBACK: Paths =
    &[("spec.updateStrategy", "updateStrategy"), ("spec.rollbackTo.revision", "revision")];

#[cfg(test)]
mod tests {
    use triton_core::service::{ApiError, ApiErrorKind};

    use super::*;

    const MANIFEST: &str = "spec.action: must be one of create, update; spec.updateStrategy.batchSizes[1]: must be at \
        least 1; spec.application.template.spec.containers: must have at least one container; \
        spec.nonUpdateStrategy: action update takes spec.updateStrategy; leave it out";

    #[test]
    fn paths_are_named_as_the_body_has_them() {
        assert_eq!(
            told(FLOW, MANIFEST),
            "action: must be one of create, update; updateStrategy.batchSizes[1]: must be at least 1; \
             applicationSpec.template.spec.containers: must have at least one container; nonUpdateStrategy: \
             action update takes spec.updateStrategy; leave it out"
        );
        assert_eq!(told(STRATEGY, "spec.nonUpdateStrategy.mode: must be auto"), "mode: must be auto");
        assert_eq!(told(SIZE, "spec.application.replicas: is required"), "replicas: is required");
        assert_eq!(told(SIZE, "spec.nonUpdateStrategy.stage: no"), "nonUpdateStrategy.stage: no");
        assert_eq!(told(ROLLBACK, "spec.rollbackTo.revision: no"), "revision: no");
    }

    #[test]
    fn other_errors_are_left_alone() {
        let error = ApiError::new(ApiErrorKind::NotFound, "spec.action");
        assert_eq!(of(FLOW)(error.clone()), error);
    }

    fn told(terms: Paths, message: &str) -> String {
        of(terms)(ApiError::new(ApiErrorKind::InvalidArgument, message)).message
    }
}
