//! A control plane with the resources and the CloneSet controller on it.

use std::sync::OnceLock;

use triton_operator::backend::cloneset::api_version::ApiVersion;
use triton_tests::{
    cloneset::StandIn,
    definitions::{FLOWS, define, install},
    plane::Plane,
};

/// CloneSets for kubectl, in the version in which tests look at them: later ones than OpenKruise 1.9 prefer another.
pub(crate) const SETS: &str = "clonesets.v1alpha1.apps.kruise.io";

/// A control plane, ready for operators.
pub(crate) struct Rig {
    pub(crate) plane: &'static Plane,
    /// The version in which tests look at CloneSets.
    pub(crate) version: ApiVersion,
    _stand_in: Option<StandIn>,
}

impl Rig {
    /// The one that most tests share.
    pub(crate) fn shared() -> &'static Self {
        static SHARED: OnceLock<Rig> = OnceLock::new();
        SHARED.get_or_init(|| Self::on(Plane::shared(), ApiVersion::V1Alpha1))
    }

    /// One on a plane that the suite has started, for tests that others would notice.
    pub(crate) fn apart() -> &'static Self {
        static PLANE: OnceLock<Plane> = OnceLock::new();
        static APART: OnceLock<Rig> = OnceLock::new();
        APART.get_or_init(|| Self::on(own(&PLANE), ApiVersion::V1Alpha1))
    }

    /// One on a plane that the suite has started, with the CloneSets of an OpenKruise later than 1.9.
    pub(crate) fn later() -> &'static Self {
        static PLANE: OnceLock<Plane> = OnceLock::new();
        static LATER: OnceLock<Rig> = OnceLock::new();
        LATER.get_or_init(|| Self::on(own(&PLANE), ApiVersion::V1Beta1))
    }

    fn on(plane: &'static Plane, version: ApiVersion) -> Self {
        let stand_in = install(plane, &[version]).unwrap_or_else(|error| panic!("{error:#}"));
        Self { plane, version, _stand_in: stand_in }
    }

    /// Defines flows as this version does.
    pub(crate) fn define_flows(&self) {
        let definition = triton_operator::crd::yaml().expect("the definition is YAML");
        self.define_flows_as(&definition);
    }

    /// Defines flows in another way.
    pub(crate) fn define_flows_as(&self, definition: &str) {
        define(self.plane, definition, FLOWS).unwrap_or_else(|error| panic!("{error}"));
    }
}

fn own(plane: &'static OnceLock<Plane>) -> &'static Plane {
    plane.get_or_init(|| Plane::start_own().unwrap_or_else(|error| panic!("{error}")))
}
