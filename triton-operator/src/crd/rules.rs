//! What the API server checks by itself (CEL, `x-kubernetes-validations`): everything that the object
//! alone shows. The core checks the same with the same words, except that it names the label or key of a
//! selector that does not match; see `triton_core::model::Draft`.
//!
//! All rules sit at `spec` or below, so that a status can be written to an object that was stored before
//! a rule existed (Kubernetes: CRD validation ratcheting). Objects with fields that the schema does not
//! declare, as pod templates have, are never found unchanged by it: rules there see to that themselves. Lengths are bounded generously: the bounds keep
//! the estimated cost of the rules within the API server's budget, the rules give the messages.

mod bounds;
mod strategy;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    CustomResourceDefinition, JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool, ValidationRule,
};
use triton_core::model::Action;

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
                optional_old_self: guard.as_ref().map(|_| true),
                rule: guard.map_or_else(|| rule.rule.clone(), |guard| format!("{guard} || ({})", rule.rule)),
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
fn unchanged(rule: &Rule) -> Option<String> {
    match (&*rule.at, rule.field) {
        ("spec", Some(".updateStrategy.batchSize")) => Some(strategy::same_sizes("updateStrategy")),
        ("spec", Some(".nonUpdateStrategy.batchSize")) => Some(strategy::same_sizes("nonUpdateStrategy")),
        ("spec", _) => Some(
            "oldSelf.hasValue() && has(self.updateStrategy) == has(oldSelf.value().updateStrategy) \
             && has(self.nonUpdateStrategy) == has(oldSelf.value().nonUpdateStrategy)"
                .into(),
        ),
        (APPLICATION | TEMPLATE, _) => Some("oldSelf.hasValue()".into()),
        _ => None,
    }
}

const APPLICATION: &str = "spec.application";
const TEMPLATE: &str = "spec.application.template";

fn rules() -> Vec<Rule> {
    let mut rules = Vec::new();
    action(&mut rules);
    application(&mut rules);
    strategy::all(&mut rules);
    strategy::immutable(&mut rules);
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
    let updates: Vec<_> = Action::ALL.into_iter().filter(|a| a.is_update()).map(Action::as_str).collect();
    let (known, updates) = (list(&all), list(&updates));
    let sized: Vec<_> =
        Action::ALL.into_iter().filter(|action| action.needs_replicas()).map(Action::as_str).collect();
    let message = format!("must be one of {}", all.join(", "));
    push(rules, "spec.action", format!("self in {known}"), message);
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
        format!("!(self.action in {}) || has(self.application.replicas)", list(&sized)),
        "= 'is required for action ' + self.action",
    );
    push_for(
        rules,
        ("spec", ".application.replicas"),
        "!(self.action in ['stop', 'delete']) || !has(self.application.replicas) \
         || self.application.replicas == 0",
        "= 'must be 0, or be left out, for action ' + self.action",
    );
    push_for(
        rules,
        ("spec", ".nonUpdateStrategy.podsToDelete"),
        "self.action in ['scale_in', 'restart'] || !has(self.nonUpdateStrategy) \
         || !has(self.nonUpdateStrategy.podsToDelete) || size(self.nonUpdateStrategy.podsToDelete) == 0",
        "is for actions scale_in and restart only; leave it out",
    );
    rollback(rules);
    push_for(
        rules,
        ("spec", ".application.template"),
        "!(self.action in ['create', 'update']) || has(self.application.template)",
        "= 'is required for action ' + self.action",
    );
}

fn rollback(rules: &mut Vec<Rule>) {
    push_for(
        rules,
        ("spec", ".rollbackTo"),
        "self.action == 'rollback' || !has(self.rollbackTo)",
        "is for action rollback only; leave it out",
    );
    push_for(
        rules,
        ("spec", ".rollbackTo"),
        "self.action != 'rollback' || !has(self.rollbackTo) || !has(self.application.template)",
        "stands instead of spec.application.template: give one of them",
    );
    push(rules, "spec.rollbackTo.revision", "self != ''", "must not be empty");
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
    push_for(
        rules,
        ("spec", ".application.instanceName"),
        "self.action != 'create' || size(self.application.instanceName) <= 52",
        "must have at most 52 characters for action create",
    );
    push(
        rules,
        name,
        format!("self == '' || self.matches('{SUBDOMAIN}')"),
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

/// A name as Kubernetes has it (RFC 1123).
const SUBDOMAIN: &str = r"^[a-z0-9]([-a-z0-9]*[a-z0-9])?(\\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$";
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
        Some("uint32" | "uint64") => node.format = Some("int64".into()),
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
