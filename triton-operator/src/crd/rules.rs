//! What the API server checks by itself (CEL, `x-kubernetes-validations`): everything that the object
//! alone shows. The core checks the same with the same words, except that it names the label or key of a
//! selector that does not match; see `triton_core::model::Draft`.
//!
//! All rules sit at `spec` or below, so that a status can be written to an object that was stored before
//! a rule existed (Kubernetes: CRD validation ratcheting). Objects with fields that the schema does not
//! declare, as pod templates have, are never found unchanged by it: rules there see to that themselves. Lengths are bounded generously: the bounds keep
//! the estimated cost of the rules within the API server's budget, the rules give the messages.

mod bounds;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool, ValidationRule,
};
use triton_core::model::{Action, BatchPhase};

/// One rule: where it sits, what must hold, what is said otherwise.
struct Rule {
    /// Path of the schema node.
    at: String,
    /// CEL expression that must be true.
    rule: String,
    /// The sentence; a CEL expression when it starts with `=`.
    message: String,
    /// Field below the node that the error names.
    field: Option<&'static str>,
}

/// Adds all rules and bounds to the generated definition.
///
/// # Panics
/// When a path names no field of the schema: the tests build the definition, so this is found there.
pub(crate) fn add(crd: &mut CustomResourceDefinition) {
    for version in &mut crd.spec.versions {
        let Some(root) = version.schema.as_mut().and_then(|schema| schema.open_api_v3_schema.as_mut()) else {
            continue;
        };
        plain_formats(root);
        for (at, bound) in bounds::all() {
            bound.set(node(root, at));
        }
        for rule in rules() {
            let place = node(root, &rule.at).x_kubernetes_validations.get_or_insert_default();
            let expression = rule.message.strip_prefix('=').map(str::to_owned);
            let guard = unchanged(&rule).filter(|_| !rule.rule.contains("oldSelf"));
            place.push(ValidationRule {
                rule: guard.map_or_else(|| rule.rule.clone(), |guard| format!("{guard} || ({})", rule.rule)),
                optional_old_self: guard.map(|_| true),
                message: expression.is_none().then(|| rule.message.clone()),
                message_expression: expression,
                field_path: rule.field.map(str::to_owned),
                ..ValidationRule::default()
            });
        }
    }
}

/// What tells that nothing a rule reads has changed. Kubernetes forgives an old object its faults only where
/// every field is declared, unlike in a pod template; no status could be written to it. `application` never changes.
fn unchanged(rule: &Rule) -> Option<&'static str> {
    match (&*rule.at, rule.field) {
        // Comparing sizes would cost more than the API server allows.
        ("spec", Some(".updateStrategy.batchSize")) => None,
        ("spec", _) => Some(
            "oldSelf.hasValue() && has(self.updateStrategy) == has(oldSelf.value().updateStrategy) \
             && has(self.nonUpdateStrategy) == has(oldSelf.value().nonUpdateStrategy)",
        ),
        (APPLICATION | TEMPLATE, _) => Some("oldSelf.hasValue()"),
        _ => None,
    }
}

const APPLICATION: &str = "spec.application";
const TEMPLATE: &str = "spec.application.template";

fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    action(&mut rules);
    application(&mut rules);
    for strategy in ["spec.updateStrategy", "spec.nonUpdateStrategy"] {
        numbers(&mut rules, strategy);
        size(&mut rules, &format!("{strategy}.batchSize"));
        let modes = "self in ['', 'auto', 'manual']";
        push(&mut rules, &format!("{strategy}.mode"), modes, "must be auto or manual");
    }
    update_strategy(&mut rules);
    immutable(&mut rules);
    rules
}

fn push(rules: &mut Vec<Rule>, at: &str, rule: impl Into<String>, message: impl Into<String>) {
    rules.push(Rule { at: at.into(), rule: rule.into(), message: message.into(), field: None });
}

fn push_for(
    rules: &mut Vec<Rule>,
    (at, field): (&str, &'static str),
    rule: impl Into<String>,
    message: impl Into<String>,
) {
    rules.push(Rule { at: at.into(), rule: rule.into(), message: message.into(), field: Some(field) });
}

fn list(names: &[&str]) -> String {
    format!("[{}]", names.iter().map(|name| format!("'{name}'")).collect::<Vec<_>>().join(", "))
}

fn action(rules: &mut Vec<Rule>) {
    let all = Action::ALL.map(Action::as_str);
    let built = Action::BUILT.map(Action::as_str);
    let updates: Vec<_> = Action::ALL.into_iter().filter(|a| a.is_update()).map(Action::as_str).collect();
    let (known, updates) = (list(&all), list(&updates));
    let message = format!("must be one of {}", all.join(", "));
    push(rules, "spec.action", format!("self in {known}"), message);
    let unbuilt = format!("= self + ' is not carried out by this version; use {}'", built.join(" or "));
    push(rules, "spec.action", format!("!(self in {known}) || self in {}", list(&built)), unbuilt);
    push_for(
        rules,
        ("spec", ".nonUpdateStrategy"),
        format!("!(self.action in {updates}) || !has(self.nonUpdateStrategy)"),
        "= 'action ' + self.action + ' takes spec.updateStrategy'",
    );
    push_for(
        rules,
        ("spec", ".updateStrategy"),
        format!("!(self.action in {known}) || self.action in {updates} || !has(self.updateStrategy)"),
        "= 'action ' + self.action + ' takes spec.nonUpdateStrategy'",
    );
    push_for(
        rules,
        ("spec", ".application.replicas"),
        "self.action != 'create' || has(self.application.replicas)",
        "is required for action create",
    );
    push_for(
        rules,
        ("spec", ".application.template"),
        "!(self.action in ['create', 'update']) || has(self.application.template)",
        "= 'is required for action ' + self.action",
    );
}

fn application(rules: &mut Vec<Rule>) {
    for id in ["appID", "groupID"] {
        between(rules, &format!("{APPLICATION}.{id}"), 0, 2_147_483_647);
    }
    between(rules, "spec.application.replicas", 0, 10_000);
    label_value(rules, "spec.application.appName", "self");
    push(
        rules,
        "spec.application.applicationLabel",
        format!("self.all(k, self[k] == '' || (size(self[k]) <= 63 && self[k].matches('{LABEL_VALUE}')))"),
        "values must be letters, digits, '-', '_' and '.', with a letter or digit at both ends",
    );
    let name = "spec.application.instanceName";
    push(rules, name, "self != ''", "must not be empty");
    push(rules, name, "size(self) <= 63", "must have at most 63 characters");
    push(
        rules,
        name,
        r"self == '' || self.matches('^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$')",
        "must consist of lower case letters, digits, '-' and '.', and start and end with a letter or digit",
    );
    push(
        rules,
        "spec.application.applicationType",
        "self == '' || self.lowerAscii() == 'cloneset'",
        "must be cloneset, or be left out",
    );
    push_for(
        rules,
        (TEMPLATE, ".spec.containers"),
        "has(self.spec) && has(self.spec.containers) && size(self.spec.containers) > 0",
        "must have at least one container",
    );
    selector(rules);
}

const LABEL_VALUE: &str = "^[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?$";

fn label_value(rules: &mut Vec<Rule>, at: &str, value: &str) {
    push(rules, at, format!("{value} != ''"), "must not be empty");
    push(rules, at, format!("size({value}) <= 63"), "must have at most 63 characters");
    push(
        rules,
        at,
        format!("{value} == '' || {value}.matches('{LABEL_VALUE}')"),
        "must be letters, digits, '-', '_' and '.', with a letter or digit at both ends",
    );
}

/// The labels that pods will have are those of the template under the identity labels.
fn selector(rules: &mut Vec<Rule>) {
    let labels = "self.template.metadata.labels";
    let own = |key: &str| {
        format!("(has(self.template) && has(self.template.metadata) && has({labels}) && {key} in {labels})")
    };
    // A line feed is no label value: it stands for "no such label".
    let value = |key: &str| {
        format!(
            "({key} == 'app' ? string(self.appID) : {key} == 'group' ? string(self.groupID) : \
             {key} == 'app.kubernetes.io/name' ? self.appName : \
             {key} == 'app.kubernetes.io/instance' ? self.instanceName : \
             {key} == 'managed-by' ? 'triton-io' : {own} ? {labels}[{key}] : '\\n')",
            own = own(key)
        )
    };
    let place = (APPLICATION, ".selector");
    let equal = format!("self.selector.matchLabels.all(k, {} == self.selector.matchLabels[k])", value("k"));
    let given = "!has(self.selector) || !has(self.selector.matchLabels)";
    push_for(rules, place, format!("{given} || {equal}"), "does not match the labels of the template");
    let value = value("e.key");
    let holds = format!(
        "self.selector.matchExpressions.all(e, e.operator == 'Exists' ? {value} != '\\n' : \
         e.operator == 'DoesNotExist' ? {value} == '\\n' : e.operator == 'In' ? has(e.values) && {value} in e.values : \
         e.operator == 'NotIn' && (!has(e.values) || !({value} in e.values)))"
    );
    let given = "!has(self.selector) || !has(self.selector.matchExpressions)";
    let message = "an expression does not match the labels of the template";
    push_for(rules, place, format!("{given} || {holds}"), message);
}

fn between(rules: &mut Vec<Rule>, at: &str, least: i64, most: i64) {
    let rule = format!("self >= {least} && self <= {most}");
    push(rules, at, rule, format!("must be between {least} and {most}"));
}

fn numbers(rules: &mut Vec<Rule>, strategy: &str) {
    between(rules, &format!("{strategy}.batches"), 0, 1000);
    between(rules, &format!("{strategy}.batchIntervalSeconds"), 0, 2_147_483_647);
}

/// A size as people write it: see `triton_core::model::BatchSize`.
fn size(rules: &mut Vec<Rule>, at: &str) {
    let text = "type(self) == string";
    push(
        rules,
        at,
        format!("!({text}) || self.matches('^ *[-+]?[0-9]+%? *$')"),
        "must be a whole number or a percentage such as 25%",
    );
    let percent = "self.trim().endsWith('%')";
    push(
        rules,
        at,
        format!("!({text}) || !{percent} || self.matches('^ *[+]?0*([1-9][0-9]?|100)% *$')"),
        "must be between 1% and 100%",
    );
    push(
        rules,
        at,
        format!("{text} ? {percent} || !self.matches('^ *(-[0-9]+|[+]?0+) *$') : self >= 1"),
        "must be at least 1",
    );
    push(
        rules,
        at,
        format!(
            "{text} ? !self.matches('^ *[+]?0*[1-9][0-9]{{4,}} *$') || self.matches('^ *[+]?0*10000 *$') \
             : self <= 10000"
        ),
        "must be at most 10000",
    );
}

fn update_strategy(rules: &mut Vec<Rule>) {
    let at = |name: &str| format!("spec.updateStrategy.{name}");
    between(rules, &at("canary"), 0, 10_000);
    between(rules, &at("drainSeconds"), 0, 2_147_483_647);
    between(rules, &at("progressDeadlineSeconds"), 0, 2_147_483_647);
    push(rules, &at("progressDeadlineSeconds"), "self != 0", "must be at least 1");
    let stages = BatchPhase::TARGETS.map(BatchPhase::as_str);
    let message = format!("must be one of {}", stages.join(", "));
    push(rules, &at("stage"), format!("self == '' || self in {}", list(&stages)), message);
    push(rules, &at("onFailure"), "self == 'pause'", "must be pause, or be left out, in this version");
    push(rules, &at("cancelPolicy"), "self == 'freeze'", "must be freeze, or be left out, in this version");
    for (name, field) in [("maxUnavailable", ".maxUnavailable"), ("failureThreshold", ".failureThreshold")] {
        let refuse = "is not carried out by this version; leave it out";
        push_for(rules, ("spec.updateStrategy", field), format!("!has(self.{name})"), refuse);
    }
    size(rules, &at("batchSizes.*"));
    push(rules, &at("batchSizes"), "size(self) > 0", "must not be empty");
    push_for(
        rules,
        ("spec.updateStrategy", ".batchSizes"),
        "!has(self.batchSize) || !has(self.batchSizes)",
        "stands instead of batchSize: give one of them",
    );
    many_batches(rules);
}

/// Sizes below a thousandth of the replicas make too many batches; a percentage never does.
fn many_batches(rules: &mut Vec<Rule>) {
    let few = "self.application.replicas <= 1000";
    let fits = |size: &str| {
        format!(
            "(type({size}) == string ? !{size}.matches('^ *[+]?[0-9]{{1,9}} *$') \
             || int({size}.trim().replace('+', '')) * 1000 >= self.application.replicas \
             : {size} * 1000 >= self.application.replicas)"
        )
    };
    let one = format!("(!has(self.updateStrategy.batchSize) || {})", fits("self.updateStrategy.batchSize"));
    let last = "self.updateStrategy.batchSizes[size(self.updateStrategy.batchSizes) - 1]";
    let more = format!(
        "(!has(self.updateStrategy.batchSizes) || size(self.updateStrategy.batchSizes) == 0 || {})",
        fits(last)
    );
    push_for(
        rules,
        ("spec", ".updateStrategy.batchSize"),
        format!("!has(self.updateStrategy) || !has(self.application.replicas) || {few} || ({one} && {more})"),
        "makes more than 1000 batches; make it larger",
    );
}

/// Everything but the orders is as it was when the flow was made.
fn immutable(rules: &mut Vec<Rule>) {
    let message = "cannot be changed after the flow was made; make another flow";
    push_for(rules, ("spec", ".action"), "self.action == oldSelf.action", message);
    push_for(rules, ("spec", ".application"), "self.application == oldSelf.application", message);
    let given =
        |who: &str, name: &str| format!("(has({who}.updateStrategy) && has({who}.updateStrategy.{name}))");
    let same = |name: &str| {
        let (new, old) = (given("self", name), given("oldSelf", name));
        format!("{new} == {old} && (!{new} || self.updateStrategy.{name} == oldSelf.updateStrategy.{name})")
    };
    let all: Vec<_> = ["mode", "noPullIn", "canary", "drainSeconds"].map(same).into();
    let only = "only paused, canceled, resumes, batches, stage, batchSize, batchSizes, batchIntervalSeconds \
                and progressDeadlineSeconds can be changed after the flow was made";
    push_for(rules, ("spec", ".updateStrategy"), all.join(" && "), only);
}

/// The node at a path; `*` is the items of a list or the values of a map.
fn node<'a>(root: &'a mut JSONSchemaProps, path: &str) -> &'a mut JSONSchemaProps {
    path.split('.').fold(root, |node, name| {
        let next =
            if name == "*" { inner(node) } else { node.properties.as_mut().and_then(|p| p.get_mut(name)) };
        next.expect("every path of this file is a field of the schema")
    })
}

fn inner(node: &mut JSONSchemaProps) -> Option<&mut JSONSchemaProps> {
    let JSONSchemaProps { items, additional_properties, .. } = node;
    match (items, additional_properties) {
        (Some(JSONSchemaPropsOrArray::Schema(items)), _) => Some(items),
        (_, Some(JSONSchemaPropsOrBool::Schema(values))) => Some(values),
        _ => None,
    }
}

/// The API server knows `int32` and `int64` and warns of the formats of Rust's other numbers.
fn plain_formats(node: &mut JSONSchemaProps) {
    match node.format.as_deref() {
        Some("uint32") => node.format = Some("int64".into()),
        Some("uint16") => node.format = Some("int32".into()),
        _ => {}
    }
    for child in node.properties.iter_mut().flatten() {
        plain_formats(child.1);
    }
    if let Some(child) = inner(node) {
        plain_formats(child);
    }
}
