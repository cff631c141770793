//! `create`: flows from a manifest.

use triton_core::model::Failure::WorkloadExists;
use triton_core::model::{Action, FlowId, FlowName};
use triton_core::service::{ApiError, ApiErrorKind, CreateFlow, DeployApi, FlowView, InstanceApi};

use super::args::CreateArgs;
use super::failure::{DONE, Failure};
use super::follow::insist;
use super::manifest::{self, Described};
use super::order::request_id;
use super::screen::Screen;
use super::{Session, object, others, phrase};

impl<A: DeployApi + InstanceApi, L> Session<'_, A, L> {
    /// `create`. All of the manifest is read and checked before the first flow is made.
    pub(super) async fn create(&self, create: &CreateArgs, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let manifest = manifest::read(&create.filename)?;
        let mut flows = Vec::new();
        for described in manifest.flows {
            described.draft.parse_new()?;
            flows.push(self.placed(described)?);
        }
        for other in &manifest.others {
            screen.note(format!(
                "{other} is no flow and was left alone; in a cluster kubectl apply -f makes it"
            ))?;
        }
        let mut made = Vec::new();
        for flow in flows {
            made.push(self.make(flow).await?);
        }
        let objects: Vec<_> = made.iter().map(object::flow).collect();
        if screen.objects(&objects, true)? {
            return Ok(DONE);
        }
        for flow in &made {
            screen.line(format!("flow {}: made, {} {}", flow.id, flow.action, flow.instance_name))?;
            // As long as nobody has looked at it, its message is what is to be known of its order.
            let (reason, message) = (&flow.record.reason, &flow.record.message);
            if reason.is_empty() && !message.is_empty() {
                screen.note(format!("warning: {message}"))?;
            }
            self.beside_made(flow, screen).await?;
            screen.note(format!("look on: kubectl triton watch {}", self.words(&flow.id.name)))?;
        }
        Ok(DONE)
    }

    /// What a flow was made for that is not as it may be thought to be: no pods, or other flows.
    async fn beside_made(&self, flow: &FlowView, screen: &mut Screen<'_>) -> Result<(), Failure> {
        let (Some(instance), Some(action)) = (others::instance_of(flow), Action::parse(&flow.action)) else {
            return Ok(());
        };
        let Ok(there) = self.api.instance(&instance).await else { return Ok(()) };
        let beside = self.beside(flow).await;
        // Where no size is named, the one that is there is kept.
        let empty = phrase::stays_empty(action, &instance, (there.replicas, flow.replicas));
        let holder = others::holder(&there.held_by).and_then(|id| beside.iter().find(|flow| flow.id == id));
        let told = empty.map(|empty| format!("warning: {empty}")).into_iter();
        let told = told.chain(holder.map(|holder| others::found(action, holder)));
        told.chain(others::queued(action, &beside)).try_for_each(|told| screen.note(told))?;
        Ok(())
    }

    /// With namespace and name: a flow without a name gets one here, so that trying again makes no second.
    fn placed(&self, described: Described) -> Result<CreateFlow, Failure> {
        let Described { name, namespace, draft } = described;
        let namespace = match namespace {
            Some(theirs) if self.explicit && theirs != self.namespace => {
                let ours = &self.namespace;
                let text = format!("the manifest says namespace {theirs}, the command says {ours}");
                return Err(Failure::usage(text).hint("leave one of them out"));
            }
            Some(theirs) => theirs,
            None => self.namespace.clone(),
        };
        let fresh = || FlowName::new(format!("{}-{}", draft.instance_name, &request_id()[..8]));
        let name = name.map_or_else(fresh, Ok).map_err(|error| Failure::new(error.to_string()))?;
        Ok(CreateFlow { namespace, name: Some(name), draft })
    }

    async fn make(&self, flow: CreateFlow) -> Result<FlowView, Failure> {
        let (action, instance) = (flow.draft.action.clone(), flow.draft.instance_name.clone());
        let mut tries = 0_u32;
        let made = insist(async || {
            tries += 1;
            match self.api.create(flow.clone()).await {
                // The first try made it although no answer came.
                Err(error) if tries > 1 && error.kind == ApiErrorKind::AlreadyExists => {
                    let Some(name) = flow.name.clone() else { return Err(error) };
                    let id = FlowId { namespace: flow.namespace.clone(), name };
                    let there = self.api.get(&id).await?;
                    let same = there.action == action && there.instance_name == instance;
                    if same { Ok(there) } else { Err(error) }
                }
                answer => answer,
            }
        });
        made.await.map_err(|error| self.not_made(error, &flow))
    }

    /// Why a flow is not made, and what to type instead.
    pub(super) fn not_made(&self, error: ApiError, flow: &CreateFlow) -> Failure {
        let exists = error.kind == ApiErrorKind::AlreadyExists;
        let workload = error.message.starts_with(WorkloadExists.reason());
        let failure = self.failed(error);
        let instance = &flow.draft.instance_name;
        if workload {
            return failure.hint(format!(
                "action: update in the manifest brings this template to {instance}; kubectl triton history {instance} \
                 shows what was done to it"
            ));
        }
        let Some(name) = flow.name.as_ref().filter(|_| exists) else { return failure };
        failure.hint(format!(
            "a flow is carried out once: give it another metadata.name, or none; kubectl triton get {name} shows the one \
             that is there"
        ))
    }
}
