//! Orders to instances: rollback, restart, scale, start, stop, delete. Each makes one flow.

use std::collections::hash_map::RandomState;
use std::hash::BuildHasher;
use std::io::{self, IsTerminal};

use triton_core::model::{Action, InstanceId, InstanceName};
use triton_core::service::{
    ApiError, ApiErrorKind, DeployApi, InstanceApi, InstanceOrder, LifecycleApi, RollbackTo,
};

use super::args::{Command, Delete, Strategy};
use super::failure::{DONE, Failure};
use super::follow::insist;
use super::screen::Screen;
use super::{Session, object, others, phrase, plan};

impl<A: DeployApi + InstanceApi, L: LifecycleApi> Session<'_, A, L> {
    /// The command, as the order that it is.
    pub(super) async fn order(&self, command: Command, screen: &mut Screen<'_>) -> Result<u8, Failure> {
        let (name, strategy, order) = match command {
            Command::Rollback { instance, to, strategy } => {
                let to = to.target().map_err(Failure::usage)?;
                let order = InstanceOrder::Rollback { to, strategy: strategy.for_update() };
                (instance, strategy, order)
            }
            Command::Restart { instance, pods, strategy } => {
                let order = InstanceOrder::Restart { strategy: strategy.plain(pods)? };
                (instance, strategy, order)
            }
            Command::Scale { instance, replicas, delete_pods, strategy } => {
                let order = InstanceOrder::Scale { replicas, strategy: strategy.plain(delete_pods)? };
                (instance, strategy, order)
            }
            Command::Start { instance, replicas, strategy } => {
                let order = InstanceOrder::Start { replicas, strategy: strategy.plain(Vec::new())? };
                (instance, strategy, order)
            }
            Command::Stop { instance, strategy } => {
                let order = InstanceOrder::Stop { strategy: strategy.plain(Vec::new())? };
                (instance, strategy, order)
            }
            Command::Delete { what: Delete::Instance { name, yes, strategy } } => {
                let order = InstanceOrder::Delete { strategy: strategy.plain(Vec::new())? };
                if !yes && !self.confirmed(&name, screen).await? {
                    screen.note("nothing was done")?;
                    return Ok(DONE);
                }
                (name, strategy, order)
            }
            other => return Err(Failure::usage(format!("{other:?} is no order to an instance"))),
        };
        self.give(&self.instance(&name), order, &strategy, screen).await
    }

    async fn give(
        &self,
        instance: &InstanceId,
        order: InstanceOrder,
        strategy: &Strategy,
        screen: &mut Screen<'_>,
    ) -> Result<u8, Failure> {
        let (to_revision, told) = self.before(instance, &order).await;
        let request = strategy.request_id.clone().unwrap_or_else(request_id);
        let made = insist(async || self.orders.order(instance, order.clone(), Some(&request)).await).await;
        let made = made.map_err(|error| self.unmade(error, instance))?;
        let Some(flow) = made.flow else {
            screen.line(format!("instance {instance}: there is none, so nothing is to be done"))?;
            return Ok(DONE);
        };
        if screen.objects(&[object::flow(&flow)], true)? {
            return Ok(DONE);
        }
        let to = match made.rollback_to.as_str() {
            "" => String::new(),
            to if flow.image.is_empty() => format!(" to {}", to_revision.unwrap_or_else(|| to.to_owned())),
            to => format!(" to flow {to} ({})", flow.image),
        };
        screen.line(format!("instance {instance}: flow {} carries out {}{to}", flow.id.name, flow.action))?;
        told.into_iter().try_for_each(|told| screen.note(told))?;
        screen.note(format!("look on: kubectl triton watch {}", self.words(&flow.id.name)))?;
        screen.note(format!("request id {request}: the same order with --request-id {request} acts once"))?;
        Ok(DONE)
    }

    /// What a rollback returns to, and what else to know before an order is given.
    async fn before(&self, instance: &InstanceId, order: &InstanceOrder) -> (Option<String>, Vec<String>) {
        let action = match order {
            InstanceOrder::Rollback { .. } => Action::Rollback,
            InstanceOrder::Restart { .. } => Action::Restart,
            InstanceOrder::Scale { .. } => Action::Scale,
            InstanceOrder::Start { .. } => Action::Start,
            InstanceOrder::Stop { .. } => Action::Stop,
            InstanceOrder::Delete { .. } => Action::Delete,
        };
        let Ok(there) = self.api.instance(instance).await else { return (None, Vec::new()) };
        let flows = self.flows_of(instance).await;
        let holder = others::holder(&there.held_by).and_then(|id| flows.iter().find(|flow| flow.id == id));
        let mut told: Vec<String> = plan::returning(action, &there).into_iter().collect();
        let to = match order {
            InstanceOrder::Rollback { to: RollbackTo::LastGood, .. } => {
                told.extend(others::back_already(&there, &flows));
                others::target(&there)
            }
            InstanceOrder::Rollback { to: RollbackTo::Revision(to), .. } => {
                Some(others::revision(&there, phrase::hash(to.as_str(), &there.name)))
            }
            _ => None,
        };
        let empty = phrase::stays_empty(action, instance, (there.replicas, there.replicas));
        told.extend(empty.map(|empty| format!("warning: {empty}")));
        told.extend(holder.map(|holder| others::found(action, holder)));
        told.extend(others::queued(action, &flows));
        (to, told)
    }

    fn unmade(&self, error: ApiError, instance: &InstanceId) -> Failure {
        let missing = error.kind == ApiErrorKind::NotFound;
        let failure = self.failed(error);
        if missing {
            return failure.hint(format!("kubectl triton instances -n {}", instance.namespace));
        }
        failure
    }

    /// Asks whether an instance is to be removed with all its pods.
    async fn confirmed(&self, name: &InstanceName, screen: &mut Screen<'_>) -> Result<bool, Failure> {
        if !io::stdin().is_terminal() {
            let hint = format!("kubectl triton delete instance {name} --yes");
            return Err(Failure::usage("nobody can be asked whether this is meant").hint(hint));
        }
        let view = self.api.instance(&self.instance(name)).await.map_err(|error| self.failed(error))?;
        let Session { namespace, .. } = self;
        let pods = phrase::pods(view.replicas);
        write!(screen.notes, "Remove {namespace}/{name}, {pods}, and then its workload? Type its name: ")?;
        screen.notes.flush()?;
        let mut answer = String::new();
        io::stdin().read_line(&mut answer)?;
        Ok(answer.trim() == name.as_str())
    }
}

/// An identification that nobody else gives: 16 hexadecimal digits.
pub(super) fn request_id() -> String {
    // The keys of a hasher are random for each thread, and others for each hasher.
    format!("{:016x}", RandomState::new().hash_one(std::process::id()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_order_gets_an_identification_of_its_own() {
        let (one, two) = (request_id(), request_id());
        assert_ne!(one, two);
        assert_eq!((one.len(), two.len()), (16, 16));
    }
}
