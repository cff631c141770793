//! What a rollout costs the API server, counted from its audit log.

use std::collections::BTreeMap;

use serde_json::Value;

/// API calls of one program. Events and leases are not counted.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Calls {
    /// Gets and lists, and watches opened.
    pub reads: u64,
    /// Creates, updates, patches and deletes, whatever their outcome.
    pub writes: u64,
    /// Writes refused because the object had changed (409 with reason `Conflict`; a create of
    /// something that exists is no conflict).
    pub conflicts: u64,
    /// All of them by verb and resource, such as `patch pods/status`.
    pub by_call: BTreeMap<String, u64>,
}

/// API calls by program: the part of the user agent before the first slash, such as `kubectl`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Audit {
    by_agent: BTreeMap<String, Calls>,
}

impl Audit {
    /// Counts the lines of an audit log; lines that are not whole yet are left out.
    pub(super) fn parse(log: &str) -> Self {
        let mut audit = Self::default();
        for line in log.lines() {
            if let Ok(entry) = serde_json::from_str::<Value>(line) {
                audit.count(&entry);
            }
        }
        audit
    }

    /// Returns the calls of one program; none if it never called.
    pub fn calls(&self, agent: &str) -> Calls {
        self.by_agent.get(agent).cloned().unwrap_or_default()
    }

    /// Returns every program that called, with its calls.
    pub fn agents(&self) -> impl Iterator<Item = (&str, &Calls)> {
        self.by_agent.iter().map(|(agent, calls)| (agent.as_str(), calls))
    }

    /// Returns what was called between `earlier` and now.
    #[must_use]
    pub fn since(&self, earlier: &Self) -> Self {
        let by_agent = self
            .by_agent
            .iter()
            .map(|(agent, calls)| (agent.clone(), calls.since(&earlier.calls(agent))))
            .filter(|(_, calls)| calls.reads + calls.writes > 0)
            .collect();
        Self { by_agent }
    }

    fn count(&mut self, entry: &Value) {
        let text = |pointer: &str| entry.pointer(pointer).and_then(Value::as_str).unwrap_or_default();
        let verb = text("/verb");
        // A watch is one call, counted when it opens; everything else is counted by its answer.
        let counted = if verb == "watch" { "ResponseStarted" } else { "ResponseComplete" };
        if text("/stage") != counted {
            return;
        }
        let agent = text("/userAgent").split('/').next().filter(|name| !name.is_empty());
        let calls = self.by_agent.entry(agent.unwrap_or("unknown").to_owned()).or_default();
        if matches!(verb, "get" | "list" | "watch") {
            calls.reads += 1;
        } else {
            calls.writes += 1;
            calls.conflicts += u64::from(text("/responseStatus/reason") == "Conflict");
        }
        let (resource, subresource) = (text("/objectRef/resource"), text("/objectRef/subresource"));
        let slash = if subresource.is_empty() { "" } else { "/" };
        *calls.by_call.entry(format!("{verb} {resource}{slash}{subresource}")).or_default() += 1;
    }
}

impl Calls {
    fn since(&self, earlier: &Self) -> Self {
        let before = |call: &String| earlier.by_call.get(call).copied().unwrap_or_default();
        Self {
            reads: self.reads - earlier.reads,
            writes: self.writes - earlier.writes,
            conflicts: self.conflicts - earlier.conflicts,
            by_call: self
                .by_call
                .iter()
                .map(|(call, count)| (call.clone(), count - before(call)))
                .filter(|(_, count)| *count > 0)
                .collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOG: &str = r#"
{"stage":"ResponseComplete","verb":"patch","userAgent":"kubectl/v1.34.4 (linux/amd64)","objectRef":{"resource":"pods","subresource":"status"},"responseStatus":{"code":200}}
{"stage":"ResponseComplete","verb":"update","userAgent":"kubectl/v1.34.4 (linux/amd64)","objectRef":{"resource":"pods"},"responseStatus":{"code":409,"reason":"Conflict"}}
{"stage":"ResponseComplete","verb":"create","userAgent":"kubectl/v1.34.4 (linux/amd64)","objectRef":{"resource":"pods"},"responseStatus":{"code":409,"reason":"AlreadyExists"}}
{"stage":"ResponseStarted","verb":"watch","userAgent":"kwok/v0.8.0","objectRef":{"resource":"pods"}}
{"stage":"ResponseComplete","verb":"watch","userAgent":"kwok/v0.8.0","objectRef":{"resource":"pods"}}
{"stage":"ResponseComplete","verb":"list","objectRef":{"resource":"nodes"}}
{"stage":"Response"#;

    #[test]
    fn calls_are_counted_by_program_and_kind() {
        let audit = Audit::parse(LOG);
        let kubectl = audit.calls("kubectl");
        assert_eq!((kubectl.reads, kubectl.writes, kubectl.conflicts), (0, 3, 1));
        assert_eq!(kubectl.by_call["patch pods/status"], 1);
        let kwok = audit.calls("kwok");
        assert_eq!((kwok.reads, kwok.writes), (1, 0));
        assert_eq!(audit.calls("unknown").reads, 1);
    }

    #[test]
    fn a_difference_holds_only_the_new_calls() {
        let earlier = Audit::parse(LOG);
        let whole: Vec<&str> = LOG.lines().filter(|line| line.ends_with('}')).collect();
        let later = Audit::parse(&format!("{}\n{}", whole.join("\n"), whole[0]));
        let new = later.since(&earlier);
        assert_eq!(new.agents().count(), 1);
        assert_eq!(new.calls("kubectl").writes, 1);
        assert_eq!(new.calls("kubectl").by_call.len(), 1);
    }
}
