//! Rules of the two strategies.

use triton_core::model::{BatchPhase, SUPERSEDED_ALONE};

use super::{Rule, SUBDOMAIN, between, list, push, push_for};

pub(super) fn all(rules: &mut Vec<Rule>) {
    for strategy in ["spec.updateStrategy", "spec.nonUpdateStrategy"] {
        numbers(rules, strategy);
        size(rules, &format!("{strategy}.batchSize"));
        let modes = "self in ['', 'auto', 'manual']";
        push(rules, &format!("{strategy}.mode"), modes, "must be auto or manual");
        policies(rules, strategy);
    }
    push(
        rules,
        "spec.updateStrategy.cancelPolicy",
        "self in ['', 'freeze', 'revert']",
        "must be freeze or revert",
    );
    between(rules, "spec.updateStrategy.canary", 0, 10_000);
    many_batches(rules, "updateStrategy", ".updateStrategy.batchSize");
    many_batches(rules, "nonUpdateStrategy", ".nonUpdateStrategy.batchSize");
}

fn numbers(rules: &mut Vec<Rule>, strategy: &'static str) {
    between(rules, &format!("{strategy}.batches"), 0, 1000);
    between(rules, &format!("{strategy}.batchIntervalSeconds"), 0, 2_147_483_647);
    between(rules, &format!("{strategy}.resumes"), 0, 2_147_483_647);
    let name = format!("{strategy}.supersededBy");
    push(
        rules,
        &name,
        format!("self == '' || self.matches('{SUBDOMAIN}')"),
        "must consist of lower case letters, digits, '-' and '.', and start and end with a letter or digit",
    );
    push_for(
        rules,
        (strategy, ".supersededBy"),
        "!has(self.supersededBy) || self.supersededBy == '' || (has(self.canceled) && self.canceled)",
        SUPERSEDED_ALONE,
    );
}

/// A size as people write it: see `triton_core::model::BatchSize`.
fn size(rules: &mut Vec<Rule>, at: &str) {
    let text = "type(self) == string";
    push(
        rules,
        at,
        format!("!({text}) || self.matches('^(0|-?[1-9][0-9]*)%?$')"),
        "must be a whole number or a percentage such as 25%",
    );
    let percent = "self.endsWith('%')";
    push(
        rules,
        at,
        format!("!({text}) || !{percent} || self.matches('^([1-9][0-9]?|100)%$')"),
        "must be between 1% and 100%",
    );
    push(
        rules,
        at,
        format!("{text} ? {percent} || !self.matches('^(-[0-9]+|0)$') : self >= 1"),
        "must be at least 1",
    );
    push(
        rules,
        at,
        format!(
            "{text} ? !self.matches('^[1-9][0-9]{{4,}}$') || self == '10000' \
             : self <= 10000"
        ),
        "must be at most 10000",
    );
}

/// What both strategies have besides numbers and the size.
fn policies(rules: &mut Vec<Rule>, strategy: &'static str) {
    let at = |name: &str| format!("{strategy}.{name}");
    between(rules, &at("drainSeconds"), 0, 2_147_483_647);
    between(rules, &at("progressDeadlineSeconds"), 0, 2_147_483_647);
    push(rules, &at("progressDeadlineSeconds"), "self != 0", "must be at least 1");
    between(rules, &at("failureGraceSeconds"), 0, 2_147_483_647);
    let stages = BatchPhase::TARGETS.map(BatchPhase::as_str);
    let message = format!("must be one of {}", stages.join(", "));
    push(rules, &at("stage"), format!("self == '' || self in {}", list(&stages)), message);
    let (policies, message) = if strategy == "spec.updateStrategy" {
        ("self in ['', 'pause', 'cancel', 'rollback']", "must be pause, cancel or rollback")
    } else {
        ("self in ['', 'pause', 'cancel']", "must be pause or cancel")
    };
    push(rules, &at("onFailure"), policies, message);
    push(
        rules,
        &at("podReplacementPolicy"),
        "self in ['', 'TerminationStarted', 'TerminationComplete']",
        "must be TerminationStarted or TerminationComplete",
    );
    size(rules, &at("maxUnavailable"));
    threshold(rules, &at("failureThreshold"));
    size(rules, &at("batchSizes.*"));
    push(rules, &at("batchSizes"), "size(self) > 0", "must not be empty");
    push_for(
        rules,
        (strategy, ".batchSizes"),
        "!has(self.batchSize) || !has(self.batchSizes)",
        "stands instead of batchSize: give one of them",
    );
}

/// A size that may be zero.
fn threshold(rules: &mut Vec<Rule>, at: &str) {
    let before = rules.len();
    size(rules, at);
    for rule in &mut rules[before..] {
        rule.rule = format!("(type(self) == string ? self.matches('^0%?$') : self == 0) || ({})", rule.rule);
    }
}

/// Sizes below a thousandth of the replicas make too many batches; a percentage never does.
fn many_batches(rules: &mut Vec<Rule>, strategy: &str, field: &'static str) {
    let few = "self.application.replicas <= 1000";
    let fits = |size: &str| {
        format!(
            "(type({size}) == string ? !{size}.matches('^[0-9]{{1,9}}$') \
             || int({size}) * 1000 >= self.application.replicas \
             : {size} * 1000 >= self.application.replicas)"
        )
    };
    let one = format!("(!has(self.{strategy}.batchSize) || {})", fits(&format!("self.{strategy}.batchSize")));
    let more = format!(
        "(!has(self.{strategy}.batchSizes) || size(self.{strategy}.batchSizes) == 0 || {})",
        fits(&last("self", strategy))
    );
    push_for(
        rules,
        ("spec", field),
        format!("!has(self.{strategy}) || !has(self.application.replicas) || {few} || ({one} && {more})"),
        "makes more than 1000 batches; make it larger",
    );
}

/// The size that repeats, of several.
fn last(of: &str, strategy: &str) -> String {
    let list = format!("{of}.{strategy}.batchSizes");
    format!("{list}[size({list}) - 1]")
}

/// What tells that the sizes that the rule on too many batches reads have not changed.
pub(super) fn same_sizes(strategy: &str) -> String {
    let old = "oldSelf.value()";
    let given = |of: &str, field: &str| format!("(has({of}.{strategy}) && has({of}.{strategy}.{field}))");
    let both = |field: &str| format!("{} == {}", given("self", field), given(old, field));
    let (one, list) = (given("self", "batchSize"), given("self", "batchSizes"));
    format!(
        "(oldSelf.hasValue() && {} && {} && (!{one} || self.{strategy}.batchSize == {old}.{strategy}.batchSize) \
         && (!{list} || (size(self.{strategy}.batchSizes) == size({old}.{strategy}.batchSizes) \
         && size(self.{strategy}.batchSizes) > 0 && {} == {})))",
        both("batchSize"),
        both("batchSizes"),
        last("self", strategy),
        last(old, strategy),
    )
}

/// Everything but the orders is as it was when the flow was made.
pub(super) fn immutable(rules: &mut Vec<Rule>) {
    let message = "cannot be changed after the flow was made; make another flow";
    push_for(
        rules,
        ("spec", ".rollbackTo"),
        "has(self.rollbackTo) == has(oldSelf.rollbackTo) \
         && (!has(self.rollbackTo) || self.rollbackTo == oldSelf.rollbackTo)",
        message,
    );
    push_for(rules, ("spec", ".action"), "self.action == oldSelf.action", message);
    push_for(rules, ("spec", ".application"), "self.application == oldSelf.application", message);
    for (strategy, fields) in FIXED {
        let given =
            |who: &str, name: &str| format!("(has({who}.{strategy}) && has({who}.{strategy}.{name}))");
        let same = |name: &&str| {
            let (new, old) = (given("self", name), given("oldSelf", name));
            format!("{new} == {old} && (!{new} || self.{strategy}.{name} == oldSelf.{strategy}.{name})")
        };
        let all: Vec<_> = fields.iter().map(same).collect();
        let only = "only paused, canceled, resumes, batches, stage, batchSize, batchSizes, \
                    batchIntervalSeconds, progressDeadlineSeconds, failureGraceSeconds and supersededBy can be \
                    changed after the flow was made";
        let field = if strategy == "updateStrategy" { ".updateStrategy" } else { ".nonUpdateStrategy" };
        push_for(rules, ("spec", field), all.join(" && "), only);
    }
}

/// What of a strategy is no order.
const FIXED: [(&str, &[&str]); 2] = [
    (
        "updateStrategy",
        &[
            "mode",
            "noPullIn",
            "canary",
            "drainSeconds",
            "maxUnavailable",
            "failureThreshold",
            "onFailure",
            "cancelPolicy",
            "podReplacementPolicy",
        ],
    ),
    (
        "nonUpdateStrategy",
        &[
            "mode",
            "drainSeconds",
            "maxUnavailable",
            "failureThreshold",
            "onFailure",
            "podReplacementPolicy",
            "podsToDelete",
        ],
    ),
];
