//! What Services will need of the pods that take the places of those that are there.

use std::collections::HashMap;
use std::sync::Arc;

use kube::Client;
use parking_lot::Mutex;
use triton_core::model::Revision;
use triton_core::ports::{PortError, PortErrorKind};

use crate::backend::cloneset::entry::CloneSetEntry;
use crate::backend::cloneset::{template_of, view};
use crate::world::offer::Offer;
use crate::world::pods::PodEntry;

/// Revisions whose offers are kept: more than flows that run at a time, twice.
const KEPT: usize = 1_024;

/// By the UID of the workload: what a revision keeps never changes.
type Known = HashMap<(String, Revision), Arc<Offer<'static>>>;

/// What Services need of the pods of revisions, as far as it was read. Clones share it.
#[derive(Clone)]
pub struct Offers {
    client: Client,
    known: Arc<Mutex<Known>>,
}

impl Offers {
    /// Nothing was read so far.
    #[must_use]
    pub fn new(client: Client) -> Self {
        Self { client, known: Arc::default() }
    }

    /// What Services need of the pods of a revision; `None` when it is not kept any more.
    ///
    /// # Errors
    /// As any read of the API server.
    pub async fn of_revision(
        &self,
        cloneset: &CloneSetEntry,
        revision: &Revision,
    ) -> Result<Option<Arc<Offer<'static>>>, PortError> {
        if view::revision(cloneset).as_ref() == Some(revision) {
            return Ok(Some(Arc::new(cloneset.offer.clone())));
        }
        let key = (cloneset.uid.clone(), revision.clone());
        if let Some(known) = self.known.lock().get(&key) {
            return Ok(Some(Arc::clone(known)));
        }
        let template = match template_of(&self.client, cloneset, revision).await {
            Ok(template) => template,
            Err(error) if error.kind == PortErrorKind::NoRevision => return Ok(None),
            Err(error) => return Err(error),
        };
        let offer = Arc::new(Offer::of_template(&template));
        let mut known = self.known.lock();
        if known.len() >= KEPT {
            known.clear();
        }
        known.insert(key, Arc::clone(&offer));
        Ok(Some(offer))
    }

    /// What Services will need of the pods that take the places of `old`: as their template says, with what others add
    /// to pods. A pod of which no revision is known had the template `before`. Without `after` they get the template that
    /// the workload has.
    ///
    /// # Errors
    /// As any read of the API server.
    pub async fn expected(
        &self,
        cloneset: &CloneSetEntry,
        old: &[Arc<PodEntry>],
        before: Option<&Revision>,
        after: Option<&Offer<'_>>,
    ) -> Result<Vec<Offer<'static>>, PortError> {
        // What has its template already is not updated in place.
        let in_place = cloneset.in_place && after.is_some();
        let after = after.unwrap_or(&cloneset.offer);
        let mut expected = Vec::with_capacity(old.len());
        for pod in old {
            // Pods of several revisions may be there: each is what its own template made of it.
            let own = view::revision_of(cloneset, pod).or_else(|| before.cloned());
            let own = match own {
                Some(own) => self.of_revision(cloneset, &own).await?,
                None => None,
            };
            // Of what the template before is not known any more, nothing was surely taken away.
            let pod = pod.offer().exchanged(own.as_deref().unwrap_or(after), after);
            expected.push(Offer { in_place, ..pod });
        }
        Ok(expected)
    }
}
