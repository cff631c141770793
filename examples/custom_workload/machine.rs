//! The machine itself: what is wanted, what runs, and the supervisor that brings them together. It knows
//! nothing of flows.

use std::collections::BTreeSet;

use triton_core::model::{
    CarriedOut, FlowId, FlowUid, InstanceId, PodName, Revision, Seconds, Template, Timestamp,
};

/// How long a process takes to start.
const BOOT: Seconds = Seconds(1);

/// All processes of one application.
pub(crate) struct Group {
    pub(crate) instance: InstanceId,
    /// Counts the changes of what is wanted.
    pub(crate) version: u64,
    /// Counts everything, for identities and versions of processes.
    count: u64,
    pub(crate) lock: Option<(FlowId, FlowUid)>,
    pub(crate) paused: bool,
    pub(crate) replicas: u32,
    pub(crate) partition: u32,
    pub(crate) surge: u32,
    pub(crate) unavailable: u32,
    /// Processes that leave first.
    pub(crate) doomed: BTreeSet<PodName>,
    /// The size from before it was stopped.
    pub(crate) remembered: Option<u32>,
    /// Revisions that flows brought successfully, newest first.
    pub(crate) good: Vec<Revision>,
    pub(crate) carried: CarriedOut,
    /// Every template it ever had; revisions are numbered by it.
    templates: Vec<Template>,
    /// The template that new processes get, as a position.
    current: usize,
    /// Whose template that is.
    pub(crate) template_of: Option<FlowUid>,
    pub(crate) processes: Vec<Process>,
}

/// One process.
pub(crate) struct Process {
    pub(crate) number: u64,
    pub(crate) version: u64,
    revision: usize,
    started: Timestamp,
    /// Chosen to leave.
    pub(crate) marked: bool,
    /// Asks before it leaves.
    pub(crate) hooked: bool,
    /// The flow that replaces it.
    pub(crate) due: Option<FlowUid>,
    /// Listed by the load balancer, and since when it is as it is.
    pub(crate) serving: (bool, Timestamp),
}

impl Group {
    pub(crate) fn new(instance: InstanceId) -> Self {
        Self {
            instance,
            version: 0,
            count: 0,
            lock: None,
            paused: false,
            replicas: 0,
            partition: 0,
            surge: 0,
            unavailable: 0,
            doomed: BTreeSet::new(),
            remembered: None,
            good: Vec::new(),
            carried: CarriedOut::default(),
            templates: Vec::new(),
            current: 0,
            template_of: None,
            processes: Vec::new(),
        }
    }

    pub(crate) fn use_template(&mut self, template: &Template) {
        let known = self.templates.iter().position(|known| known == template);
        self.current = known.unwrap_or_else(|| {
            self.templates.push(template.clone());
            self.templates.len() - 1
        });
    }

    /// Goes back to a template by its revision; whether it is known.
    pub(crate) fn use_revision(&mut self, revision: &Revision) -> bool {
        let known = (0..self.templates.len()).find(|at| self.revision(*at) == *revision);
        self.current = known.unwrap_or(self.current);
        known.is_some()
    }

    pub(crate) fn current_revision(&self) -> Revision {
        self.revision(self.current)
    }

    pub(crate) fn revision_of(&self, process: &Process) -> Revision {
        self.revision(process.revision)
    }

    fn revision(&self, at: usize) -> Revision {
        let name = format!("{}-{}", self.instance.name, at + 1);
        Revision::new(name).expect("a name and a number are a revision")
    }

    /// A new version for a process.
    pub(crate) fn tick(&mut self) -> u64 {
        self.count += 1;
        self.count
    }

    /// One round of the supervisor: what may leave leaves, what is missing starts, what is too much is
    /// chosen to leave, old ones first.
    pub(crate) fn supervise(&mut self, now: Timestamp) {
        self.processes.retain(|process| !process.marked || process.hooked);
        let current = self.current;
        let count = |group: &Self, fresh: bool| {
            let staying = group.processes.iter().filter(|process| !process.marked);
            staying.filter(|process| (process.revision == current) == fresh).count()
        };
        let (fresh, stale) = (count(self, true), count(self, false));
        let (replicas, partition) = (self.replicas as usize, self.partition as usize);
        let exchange = if self.paused { 0 } else { stale.saturating_sub(partition) };
        for _ in (fresh + stale - exchange.min(stale))..replicas {
            self.start(now);
        }
        let surplus = (count(self, true) + stale).saturating_sub(replicas);
        let mut order: Vec<usize> = (0..self.processes.len()).collect();
        order.sort_by_key(|at| {
            let process = &self.processes[*at];
            (!self.doomed.contains(&self.name(process)), process.revision == current)
        });
        let chosen = order.into_iter().filter(|at| !self.processes[*at].marked).take(surplus);
        for at in chosen.collect::<Vec<_>>() {
            let version = self.tick();
            let process = &mut self.processes[at];
            (process.marked, process.version) = (true, version);
        }
    }

    pub(crate) fn name(&self, process: &Process) -> PodName {
        let name = format!("{}-{}", self.instance.name, process.number);
        PodName::new(name).expect("an instance name and a number are a name")
    }

    fn start(&mut self, now: Timestamp) {
        let number = self.tick();
        self.processes.push(Process {
            number,
            version: number,
            revision: self.current,
            started: now,
            marked: false,
            hooked: true,
            due: None,
            serving: (false, now),
        });
    }
}

impl Process {
    pub(crate) fn booted(&self, now: Timestamp) -> bool {
        now >= self.started.plus(BOOT)
    }
}
