//! Names that were checked once, so that later code may rely on them.

use alloc::string::{String, ToString};
use alloc::sync::Arc;
use core::fmt;
use core::str::FromStr;

use serde::{Deserialize, Serialize};

/// Why a text is not a name.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} {fault}")]
pub struct NameError {
    /// The refused text, cut to 80 characters.
    pub text: String,
    /// What is wrong with it, for people.
    pub fault: &'static str,
}

/// Longest Kubernetes object name (DNS-1123 subdomain).
const MAX_SUBDOMAIN: usize = 253;
/// Longest Kubernetes label value; also the longest DNS-1123 label.
pub const MAX_LABEL: usize = 63;
/// Longest name of a new instance: OpenKruise labels its pods with the name, `-`, and a hash of up to 10
/// characters (`controller-revision-hash`).
pub const MAX_CREATED: usize = 52;

/// Declares an immutable text type: cheap to clone, ordered, serialised as a plain string.
macro_rules! text {
    ($(#[$doc:meta])* $name:ident, $check:path) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Checks and takes a text.
            ///
            /// # Errors
            /// [`NameError`] says what is wrong with it.
            pub fn new(text: impl AsRef<str>) -> Result<Self, NameError> {
                let text = text.as_ref();
                match $check(text) {
                    None => Ok(Self(Arc::from(text))),
                    Some(fault) => Err(NameError { text: text.chars().take(80).collect(), fault }),
                }
            }

            /// The text itself.
            #[must_use]
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = NameError;
            fn from_str(text: &str) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl TryFrom<String> for $name {
            type Error = NameError;
            fn try_from(text: String) -> Result<Self, NameError> {
                Self::new(text)
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.0.to_string()
            }
        }

        #[cfg(feature = "schema")]
        impl schemars::JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }
            fn schema_name() -> alloc::borrow::Cow<'static, str> {
                stringify!($name).into()
            }
            fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
                <String as schemars::JsonSchema>::json_schema(generator)
            }
        }
    };
}

text!(
    /// A namespace: a DNS-1123 label, 1 to 63 characters.
    Namespace,
    label_fault
);
text!(
    /// The name of a flow: a DNS-1123 subdomain, 1 to 253 characters.
    FlowName,
    subdomain_fault
);
text!(
    /// The name of an application instance, which is the name of its workload and the value of the
    /// `app.kubernetes.io/instance` label: a DNS-1123 subdomain of at most 63 characters.
    InstanceName,
    instance_fault
);
text!(
    /// The name of a pod: a DNS-1123 subdomain, 1 to 253 characters.
    PodName,
    subdomain_fault
);
text!(
    /// Identity of one pod for its whole life; a pod of the same name made later has another.
    PodUid,
    opaque_fault
);
text!(
    /// Identity of one workload for its whole life; a workload of the same name made later has another.
    WorkloadUid,
    opaque_fault
);
text!(
    /// Identity of one flow for its whole life; a flow of the same name made later has another.
    FlowUid,
    opaque_fault
);
text!(
    /// A revision of a workload's template, as the workload's controller names it
    /// (OpenKruise: the name of a `ControllerRevision`).
    Revision,
    opaque_fault
);
text!(
    /// A token that changes with every change of the thing it was read from
    /// (Kubernetes: `metadata.resourceVersion`). Compared for equality only.
    Version,
    opaque_fault
);

/// Where a flow lives: namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[cfg_attr(feature = "schema", derive(schemars::JsonSchema))]
pub struct FlowId {
    /// Namespace of the flow; its workload lives in the same one.
    pub namespace: Namespace,
    /// Name of the flow.
    pub name: FlowName,
}

impl fmt::Display for FlowId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

/// Where an application instance, and so its workload, lives.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct InstanceId {
    /// Namespace of the workload.
    pub namespace: Namespace,
    /// Name of the instance and of its workload.
    pub name: InstanceName,
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.name)
    }
}

fn opaque_fault(text: &str) -> Option<&'static str> {
    text.is_empty().then_some("must not be empty")
}

fn subdomain_fault(text: &str) -> Option<&'static str> {
    let part = |p: &str| {
        let edge = |c: Option<char>| c.is_some_and(|c| c.is_ascii_lowercase() || c.is_ascii_digit());
        let inner = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        edge(p.chars().next()) && edge(p.chars().next_back()) && p.chars().all(inner)
    };
    if text.is_empty() {
        Some("must not be empty")
    } else if text.len() > MAX_SUBDOMAIN {
        Some("must have at most 253 characters")
    } else if !text.split('.').all(part) {
        Some(
            "must consist of lower case letters, digits, '-' and '.', and start and end with a letter or digit",
        )
    } else {
        None
    }
}

fn label_fault(text: &str) -> Option<&'static str> {
    if text.len() > MAX_LABEL {
        Some("must have at most 63 characters")
    } else if text.contains('.') {
        Some("must not contain '.'")
    } else {
        subdomain_fault(text)
    }
}

fn instance_fault(text: &str) -> Option<&'static str> {
    if text.len() > MAX_LABEL { Some("must have at most 63 characters") } else { subdomain_fault(text) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tutorial_instance_is_a_name() {
        assert_eq!(
            InstanceName::new("12122-sample-10010").map(String::from),
            Ok("12122-sample-10010".into())
        );
    }

    #[test]
    fn illegal_names_are_refused_with_the_reason() {
        for bad in ["", "Upper", "-edge", "edge-", "a..b", "a_b", "a/b"] {
            assert!(InstanceName::new(bad).is_err(), "{bad}");
        }
        assert!(InstanceName::new("a".repeat(64)).is_err());
        assert!(Namespace::new("a.b").is_err());
        assert!(FlowName::new("a".repeat(254)).is_err());
    }
}
