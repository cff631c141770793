//! What the manual has to name.

use clap::CommandFactory;
use triton_operator::args::Args;
use triton_operator::telemetry::metrics::Metrics;

use super::states::samples;

/// Words that a page does not hold.
pub(crate) fn missing(page: &str, wanted: &[String]) -> Vec<String> {
    wanted.iter().filter(|word| !page.contains(*word)).cloned().collect()
}

/// Every command, flag, default and environment variable of the operator.
pub(crate) fn command_line() -> Vec<String> {
    let command = Args::command();
    let mut words: Vec<String> = flags(&command).collect();
    for command in command.get_subcommands() {
        words.push(format!("`triton-operator {}`", command.get_name()));
        words.extend(flags(command));
    }
    words
}

fn flags(command: &clap::Command) -> impl Iterator<Item = String> {
    command.get_arguments().flat_map(|argument| {
        let long = argument.get_long().map(|long| format!("`--{long}"));
        let environment = argument.get_env().map(|name| name.to_string_lossy().into_owned());
        let defaults = argument.get_default_values().iter().map(|value| value.to_string_lossy().into_owned());
        long.into_iter().chain(environment).chain(defaults.filter(|value| value != "false"))
    })
}

/// Every reason to wait.
pub(crate) fn reasons() -> Vec<String> {
    samples::waitings().iter().map(|waiting| format!("| `{}` |", waiting.reason())).collect()
}

/// Every metric.
pub(crate) fn metrics() -> Vec<String> {
    let text = Metrics::default().text();
    let named = text.lines().filter_map(|line| line.strip_prefix("# HELP ")?.split(' ').next());
    named.map(ToOwned::to_owned).collect()
}

/// Every call of a proto file.
pub(crate) fn calls(proto: &str) -> Vec<String> {
    let named = proto.lines().filter_map(|line| line.trim().strip_prefix("rpc ")?.split('(').next());
    named.map(ToOwned::to_owned).collect()
}

#[test]
fn what_a_page_leaves_out_is_missing() {
    let words = command_line();
    for word in ["`--kubeconfig", "127.0.0.1:8099", "TRITON_NAMESPACE", "`triton-operator crd`", "`--dry-run"]
    {
        assert!(words.iter().any(|known| known == word), "{word} is not in {words:?}");
    }
    assert_eq!(missing("`--seed N`", &["`--seed".into(), "`--log".into()]), ["`--log"]);
    assert!(reasons().contains(&"| `Approval` |".into()));
    assert!(metrics().contains(&"triton_look_seconds".into()), "{:?}", metrics());
    assert_eq!(calls("service A {\n  // One.\n  rpc Get(X) returns (Y) {}\n}\n"), ["Get"]);
}
