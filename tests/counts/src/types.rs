//! The types that the product declares, with their fields.

use std::collections::BTreeSet;
use std::fmt;

use quote::ToTokens;
use syn::visit::{self, Visit};
use syn::{Attribute, Fields, Type};

use crate::product::{Product, Source};
use crate::proto;

/// A type with fewer fields of its own beside a flattened one is an envelope.
const MORE_THAN_ENVELOPE: usize = 2;

/// A struct, an enum, or a message of a proto file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Declared {
    pub(crate) name: String,
    /// The file that declares it.
    pub(crate) path: String,
    /// Where, from 1.
    pub(crate) line: usize,
    /// Those of an enum are the fields of all its variants.
    pub(crate) fields: Vec<Field>,
}

/// A field of a type.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Field {
    /// In snake case; empty in a tuple.
    pub(crate) name: String,
    /// All that its type names: `Option<Vec<Spec>>` names three.
    pub(crate) types: BTreeSet<String>,
    /// Whether serde writes the fields of its type in its place.
    pub(crate) is_flat: bool,
}

/// All types of the product.
pub(crate) fn all(product: &Product) -> Vec<Declared> {
    let rust = product.sources.iter().flat_map(in_source);
    rust.chain(product.protos.iter().flat_map(proto::messages)).collect()
}

impl Declared {
    /// Its fields, and those of the types that are flattened into it. A mere envelope has its own alone.
    pub(crate) fn with_flattened<'a>(&'a self, types: &'a [Self]) -> Vec<&'a Field> {
        let (flat, own): (Vec<&Field>, Vec<&Field>) = self.fields.iter().partition(|field| field.is_flat);
        if own.len() < MORE_THAN_ENVELOPE {
            return self.fields.iter().collect();
        }
        let named = flat.iter().flat_map(|field| &field.types);
        let inner = named.flat_map(|name| self.nearest(name, types)).filter(|inner| *inner != self);
        self.fields.iter().chain(inner.flat_map(|inner| &inner.fields)).collect()
    }

    /// The types of a name: those of the same crate, or else those of all others.
    pub(crate) fn nearest<'a>(&self, name: &str, types: &'a [Self]) -> Vec<&'a Self> {
        let of_name = || types.iter().filter(|declared| declared.name == name);
        let near: Vec<&Self> = of_name().filter(|declared| declared.package() == self.package()).collect();
        if near.is_empty() { of_name().collect() } else { near }
    }

    fn package(&self) -> &str {
        self.path.split_once("/src/").map_or(&*self.path, |(package, _)| package)
    }
}

impl fmt::Display for Declared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({}:{})", self.name, self.path, self.line)
    }
}

fn in_source(source: &Source) -> Vec<Declared> {
    let mut finder = Finder { path: &source.path, found: Vec::new() };
    finder.visit_file(&source.code);
    finder.found
}

struct Finder<'a> {
    path: &'a str,
    found: Vec<Declared>,
}

impl Finder<'_> {
    fn add<'f>(&mut self, name: &syn::Ident, fields: impl Iterator<Item = &'f Fields>) {
        let fields = fields.flatten().map(|field| Field {
            name: field.ident.as_ref().map(|name| snake(&name.to_string())).unwrap_or_default(),
            types: names(&field.ty),
            is_flat: field.attrs.iter().any(is_flatten),
        });
        let (path, line) = (self.path.to_owned(), name.span().start().line);
        self.found.push(Declared { name: name.to_string(), path, line, fields: fields.collect() });
    }
}

impl<'ast> Visit<'ast> for Finder<'_> {
    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.add(&item.ident, [&item.fields].into_iter());
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.add(&item.ident, item.variants.iter().map(|variant| &variant.fields));
        visit::visit_item_enum(self, item);
    }
}

fn is_flatten(attribute: &Attribute) -> bool {
    let words = || attribute.meta.to_token_stream().to_string();
    attribute.path().is_ident("serde")
        && words().split(|c: char| !c.is_alphanumeric()).any(|word| word == "flatten")
}

/// The last name of every path in a type.
fn names(of: &Type) -> BTreeSet<String> {
    struct Names(BTreeSet<String>);
    impl<'ast> Visit<'ast> for Names {
        fn visit_path(&mut self, path: &'ast syn::Path) {
            self.0.extend(path.segments.last().map(|segment| segment.ident.to_string()));
            visit::visit_path(self, path);
        }
    }
    let mut names = Names(BTreeSet::new());
    names.visit_type(of);
    names.0
}

/// `appID` and `app_id` are one name.
pub(crate) fn snake(name: &str) -> String {
    let mut snake = String::new();
    let mut before = '_';
    for letter in name.chars() {
        if letter.is_uppercase() && !before.is_uppercase() && before != '_' {
            snake.push('_');
        }
        snake.extend(letter.to_lowercase());
        before = letter;
    }
    snake
}

#[cfg(test)]
pub(crate) mod samples {
    use super::*;
    use crate::product::samples::product;

    /// The types of a file of Rust and of a proto file.
    pub(crate) fn types(rust: &str, proto: &str) -> Vec<Declared> {
        let file = crate::tree::File::sample("core/a.proto", proto);
        let product = Product { protos: vec![file], ..product(&[("lib.rs", rust)]) };
        all(&product)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn structs_enums_and_messages_are_types_and_those_of_tests_are_not() {
        let rust = "struct A { id: u8, r#type: Option<Vec<b::B>>, #[cfg(test)] c: u8 }\n\
            enum B { One(A), Two { at: u8 } }\n#[cfg(test)] struct C;\nfn f() { struct D; }\n";
        let types = samples::types(rust, "message E {\n  A appID = 1;\n}\n");
        let shown = |declared: &Declared| {
            let fields = declared.fields.iter().map(|field| {
                let types: Vec<&str> = field.types.iter().map(|name| &**name).collect();
                format!("{}:{}", field.name, types.join("+"))
            });
            format!("{declared} {}", fields.collect::<Vec<_>>().join(" "))
        };
        assert_eq!(
            types.iter().map(shown).collect::<Vec<_>>(),
            [
                "A (core/src/lib.rs:1) id:u8 r#type:B+Option+Vec",
                "B (core/src/lib.rs:2) :A at:u8",
                "D (core/src/lib.rs:4) ",
                "E (core/a.proto:1) app_id:A",
            ]
        );
    }

    #[test]
    fn names_are_compared_in_snake_case() {
        let rows = [
            ("appID", "app_id"),
            ("app_id", "app_id"),
            ("minReadySeconds", "min_ready_seconds"),
            ("id", "id"),
        ];
        for (name, wanted) in rows {
            assert_eq!(snake(name), wanted);
        }
    }

    #[test]
    fn flattened_fields_count_but_not_in_an_envelope() {
        let rust = "struct A { a: u8, b: u8 }\nstruct B { #[serde(flatten)] a: A, c: u8, d: u8 }\n\
            struct C { #[serde(default, flatten)] a: A, c: u8 }\nstruct D { a: A, c: u8, d: u8 }\n";
        let types = samples::types(rust, "");
        let numbers: Vec<usize> = types.iter().map(|it| it.with_flattened(&types).len()).collect();
        assert_eq!(numbers, [2, 5, 2, 3]);
    }

    #[test]
    fn a_name_means_the_type_of_the_same_crate() {
        let of = |path: &str| Declared { name: "A".into(), path: path.into(), ..Declared::default() };
        let types = [of("a/src/lib.rs"), of("b/src/x.rs"), of("b/src/y.rs")];
        let paths = |from: &str| -> Vec<String> {
            of(from).nearest("A", &types).iter().map(|declared| declared.path.clone()).collect()
        };
        assert_eq!(paths("a/src/z.rs"), ["a/src/lib.rs"]);
        assert_eq!(paths("b/src/z.rs"), ["b/src/x.rs", "b/src/y.rs"]);
        assert_eq!(paths("c/src/z.rs").len(), 3);
    }
}
