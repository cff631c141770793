//! JSON documents as `google.protobuf.Struct` and `ListValue`, which gRPC clients write as plain JSON.
//! Numbers travel as doubles: whole ones stay whole, and one that a double cannot hold is refused.

use prost_types::value::Kind;
use prost_types::{ListValue, Struct, Value as WireValue};
use serde_json::{Map, Number, Value};
use triton_core::service::ApiError;

use super::fault;

/// Largest whole number below which a double holds every whole number.
const EXACT: i64 = 1 << 53;

/// A JSON object for the wire; `field` names it in the error.
pub(super) fn wire_object(field: &str, value: &Value) -> Result<Struct, ApiError> {
    match value {
        Value::Object(map) => object(field, map),
        _ => Err(fault(field, "must be an object")),
    }
}

/// A JSON list for the wire.
pub(super) fn wire_list(field: &str, value: &Value) -> Result<ListValue, ApiError> {
    match value {
        Value::Array(items) => list(field, items),
        _ => Err(fault(field, "must be a list")),
    }
}

/// The JSON object that came over the wire.
pub(super) fn json_object(field: &str, wire: Struct) -> Result<Value, ApiError> {
    let member = |(key, value): (String, WireValue)| Ok((key, json(field, value)?));
    wire.fields.into_iter().map(member).collect::<Result<Map<_, _>, _>>().map(Value::Object)
}

/// The JSON list that came over the wire.
pub(super) fn json_list(field: &str, wire: ListValue) -> Result<Value, ApiError> {
    let items = wire.values.into_iter().map(|value| json(field, value));
    items.collect::<Result<Vec<_>, _>>().map(Value::Array)
}

fn object(field: &str, map: &Map<String, Value>) -> Result<Struct, ApiError> {
    let member = |(key, value): (&String, &Value)| Ok((key.clone(), wire(field, value)?));
    let fields = map.iter().map(member).collect::<Result<_, ApiError>>()?;
    Ok(Struct { fields })
}

fn list(field: &str, items: &[Value]) -> Result<ListValue, ApiError> {
    let values = items.iter().map(|item| wire(field, item)).collect::<Result<_, _>>()?;
    Ok(ListValue { values })
}

fn wire(field: &str, value: &Value) -> Result<WireValue, ApiError> {
    let kind = match value {
        Value::Null => Kind::NullValue(0),
        Value::Bool(it) => Kind::BoolValue(*it),
        Value::Number(it) => Kind::NumberValue(double(field, it)?),
        Value::String(it) => Kind::StringValue(it.clone()),
        Value::Array(items) => Kind::ListValue(list(field, items)?),
        Value::Object(map) => Kind::StructValue(object(field, map)?),
    };
    Ok(WireValue { kind: Some(kind) })
}

fn double(field: &str, number: &Number) -> Result<f64, ApiError> {
    let exact = match number.as_i64() {
        Some(whole) => (-EXACT..=EXACT).contains(&whole),
        None => number.is_f64(),
    };
    let double = number.as_f64().filter(|_| exact);
    double.ok_or_else(|| fault(field, format!("the number {number} is too large")))
}

fn json(field: &str, value: WireValue) -> Result<Value, ApiError> {
    Ok(match value.kind {
        None | Some(Kind::NullValue(_)) => Value::Null,
        Some(Kind::BoolValue(it)) => Value::Bool(it),
        Some(Kind::NumberValue(it)) => Value::Number(number(field, it)?),
        Some(Kind::StringValue(it)) => Value::String(it),
        Some(Kind::ListValue(it)) => json_list(field, it)?,
        Some(Kind::StructValue(it)) => json_object(field, it)?,
    })
}

#[allow(clippy::cast_possible_truncation, clippy::cast_precision_loss, reason = "within the exact range")]
fn number(field: &str, double: f64) -> Result<Number, ApiError> {
    if double.fract() == 0.0 && double.abs() <= EXACT as f64 {
        return Ok(Number::from(double as i64));
    }
    Number::from_f64(double).ok_or_else(|| fault(field, format!("{double} is not a number")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_pod_template_survives_the_round_trip_with_whole_numbers_whole() {
        let template = json!({
            "metadata": { "labels": { "app": "12122" }, "annotations": null },
            "spec": { "containers": [{
                "name": "web", "image": "nginx:latest", "tty": false, "weight": 0.5, "deep": [[1, -2], []],
                "ports": [{ "containerPort": 80, "protocol": "TCP" }],
                "securityContext": { "runAsUser": 9_007_199_254_740_992_i64 },
            }] },
        });
        let wire = wire_object("template", &template).unwrap();
        assert_eq!(json_object("template", wire), Ok(template));
        let claims = json!([{ "metadata": { "name": "data" } }, 1]);
        let wire = wire_list("volumeClaimTemplates", &claims).unwrap();
        assert_eq!(json_list("volumeClaimTemplates", wire), Ok(claims));
    }

    #[test]
    fn what_the_wire_cannot_carry_is_refused() {
        let text = |error: ApiError| error.message;
        let large = json!({ "spec": [9_007_199_254_740_993_i64] });
        let refusal = "template: the number 9007199254740993 is too large".to_owned();
        assert_eq!(wire_object("template", &large).map_err(text), Err(refusal));
        assert_eq!(wire_object("t", &json!([])).map_err(text), Err("t: must be an object".into()));
        assert_eq!(wire_list("t", &json!({})).map_err(text), Err("t: must be a list".into()));
        let infinite = ListValue { values: vec![WireValue { kind: Some(Kind::NumberValue(f64::INFINITY)) }] };
        assert_eq!(json_list("t", infinite).map_err(text), Err("t: inf is not a number".into()));
    }
}
