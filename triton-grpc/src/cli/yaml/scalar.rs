//! What a scalar means: the rules of `go.yaml.in/yaml/v2`, file `resolve.go`, which `sigs.k8s.io/yaml` reads with.

use serde_json::{Number, Value};

/// A scalar, resolved.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Scalar<'a> {
    Null,
    Bool(bool),
    Int(i64),
    /// Too large for [`Scalar::Int`].
    Large(u64),
    Float(f64),
    Text(&'a str),
}

/// A type that is written before a scalar, such as `!!str`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tag {
    Text,
    Bool,
    Int,
    Float,
    Null,
}

impl Tag {
    /// Of its name in the namespace of YAML.
    pub(super) fn of(name: &str) -> Option<Self> {
        Some(match name {
            "str" => Self::Text,
            "bool" => Self::Bool,
            "int" => Self::Int,
            "float" => Self::Float,
            "null" => Self::Null,
            _ => return None,
        })
    }
}

impl<'a> Scalar<'a> {
    /// A scalar without quotes, or with a tag. `None` where the tag does not fit.
    pub(super) fn resolve(text: &'a str, tag: Option<Tag>) -> Option<Self> {
        let found = if tag == Some(Tag::Text) { Self::Text(text) } else { Self::guess(text) };
        let fits = match (tag, found) {
            (None | Some(Tag::Text), _)
            | (Some(Tag::Bool), Self::Bool(_))
            | (Some(Tag::Int), Self::Int(_) | Self::Large(_))
            | (Some(Tag::Float), Self::Float(_))
            | (Some(Tag::Null), Self::Null) => found,
            #[expect(clippy::cast_precision_loss, reason = "as the tag asks for")]
            (Some(Tag::Float), Self::Int(number)) => Self::Float(number as f64),
            _ => return None,
        };
        Some(fits)
    }

    fn guess(text: &'a str) -> Self {
        match text {
            "" | "~" | "null" | "Null" | "NULL" => return Self::Null,
            "y" | "Y" | "yes" | "Yes" | "YES" | "true" | "True" | "TRUE" | "on" | "On" | "ON" => {
                return Self::Bool(true);
            }
            "n" | "N" | "no" | "No" | "NO" | "false" | "False" | "FALSE" | "off" | "Off" | "OFF" => {
                return Self::Bool(false);
            }
            ".nan" | ".NaN" | ".NAN" => return Self::Float(f64::NAN),
            ".inf" | ".Inf" | ".INF" | "+.inf" | "+.Inf" | "+.INF" => return Self::Float(f64::INFINITY),
            "-.inf" | "-.Inf" | "-.INF" => return Self::Float(f64::NEG_INFINITY),
            _ => {}
        }
        let number = match text.as_bytes()[0] {
            b'.' if underscores_divide(text) => decimal(&text.replace('_', "")),
            b'+' | b'-' | b'0'..=b'9' => number(&text.replace('_', "")),
            _ => None,
        };
        number.unwrap_or(Self::Text(text))
    }

    /// As JSON. `None` where JSON has no such number.
    pub(super) fn value(self) -> Option<Value> {
        Some(match self {
            Self::Null => Value::Null,
            Self::Bool(it) => Value::Bool(it),
            Self::Int(number) => Value::Number(Number::from(number)),
            #[expect(clippy::cast_precision_loss, reason = "the API server reads it so")]
            Self::Large(number) => Value::Number(Number::from_f64(number as f64)?),
            Self::Float(number) => Value::Number(super::float(number)?),
            Self::Text(text) => Value::String(text.into()),
        })
    }

    /// As the key of a field. `None` where kubectl refuses it, or writes it in a way of its own.
    pub(super) fn key(self) -> Option<String> {
        match self {
            Self::Null | Self::Large(_) => None,
            Self::Bool(it) => Some(it.to_string()),
            Self::Int(number) => Some(number.to_string()),
            #[expect(
                clippy::cast_possible_truncation,
                reason = "keys have half the precision in kubectl too"
            )]
            Self::Float(number) if number == 0.0 || (1e-4..1e6).contains(&number.abs()) => {
                Some((number as f32).to_string())
            }
            Self::Float(_) => None,
            Self::Text(text) => Some(text.into()),
        }
    }
}

fn number(text: &str) -> Option<Scalar<'static>> {
    integer(text).or_else(|| decimal(text)).or_else(|| {
        // What is left of `0b` may have a sign of its own.
        let digits = text.strip_prefix("0b")?;
        i64::from_str_radix(digits, 2).ok().map(Scalar::Int)
    })
}

/// As `strconv.ParseInt` and `strconv.ParseUint` read it without a given base.
fn integer(text: &str) -> Option<Scalar<'static>> {
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (base, digits) = match digits.as_bytes() {
        [b'0', b'b' | b'B', _, ..] => (2, &digits[2..]),
        [b'0', b'o' | b'O', _, ..] => (8, &digits[2..]),
        [b'0', b'x' | b'X', _, ..] => (16, &digits[2..]),
        [b'0', _, ..] => (8, &digits[1..]),
        _ => (10, digits),
    };
    let magnitude =
        if digits.starts_with(['+', '-']) { None } else { u64::from_str_radix(digits, base).ok() }?;
    let sign = if text.starts_with('-') { -1 } else { 1 };
    match i64::try_from(i128::from(magnitude) * sign) {
        Ok(number) => Some(Scalar::Int(number)),
        Err(_) if digits.len() == text.len() || text.starts_with('0') => Some(Scalar::Large(magnitude)),
        Err(_) => None,
    }
}

/// Digits with a point, an exponent or both.
fn decimal(text: &str) -> Option<Scalar<'static>> {
    let unsigned = text.strip_prefix(['+', '-']).unwrap_or(text);
    let (number, exponent) = unsigned.split_once(['e', 'E']).map_or((unsigned, None), |(a, b)| (a, Some(b)));
    let (before, after) = number.split_once('.').unwrap_or((number, ""));
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let exponent = exponent.is_none_or(|text| {
        let text = text.strip_prefix(['+', '-']).unwrap_or(text);
        !text.is_empty() && digits(text)
    });
    let any = !before.is_empty() || !after.is_empty();
    let read = if any && exponent && digits(before) && digits(after) { text.parse().ok() } else { None };
    read.filter(|number: &f64| number.is_finite()).map(Scalar::Float)
}

/// Whether every underscore stands between two digits.
fn underscores_divide(text: &str) -> bool {
    let bytes = text.as_bytes();
    let digit = |at: Option<usize>| at.and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_digit);
    let underscores = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'_');
    underscores.into_iter().all(|(at, _)| digit(at.checked_sub(1)) && digit(at.checked_add(1)))
}
