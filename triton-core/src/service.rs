//! What people can ask: the API as a trait, and its implementation over the ports.

mod again;
mod api;
mod checked;
mod deploys;
mod error;
mod lifecycle;
mod request;
mod view;

pub use api::{ApiStream, DeployApi, InstanceApi, Templates};
pub use checked::Checked;
pub use deploys::Service;
pub use error::{ApiError, ApiErrorKind};
pub use lifecycle::{InstanceOrder, Lifecycle, LifecycleApi, Made, RollbackTo};
pub use request::name_of_request;
pub use view::{
    CreateFlow, FlowEvent, FlowFilter, FlowView, InstanceView, MAX_PAGE, Ordered, PodFilter, PodId, PodView,
};
