//! Removes from a syntax tree what is compiled for tests alone.

use std::mem;

use anyhow::{Result, ensure};
use proc_macro2::{Delimiter, TokenStream, TokenTree};
use quote::ToTokens;
use syn::punctuated::Punctuated;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::visit_mut::{self, VisitMut};
use syn::{Attribute, Meta, Token};

/// Features of the core that only tests and the embedded world turn on.
const FEATURES: [&str; 2] = ["sim", "testing"];

/// Removes the items, statements, fields, variants and arms that no product build has. Returns `None` when
/// the whole file is one of them.
///
/// # Errors
/// When such an attribute stands in a place that this program does not know.
pub(crate) fn product(mut file: syn::File) -> Result<Option<syn::File>> {
    if file.attrs.iter().any(is_of_tests) {
        return Ok(None);
    }
    Strip.visit_file_mut(&mut file);
    let mut rest = Rest(None);
    rest.visit_file(&file);
    let line = rest.0.unwrap_or_default();
    ensure!(rest.0.is_none(), "line {line}: `cfg` of tests on something that cannot be left out");
    Ok(Some(file))
}

struct Strip;

impl VisitMut for Strip {
    fn visit_file_mut(&mut self, file: &mut syn::File) {
        file.items.retain(is_product);
        visit_mut::visit_file_mut(self, file);
    }

    fn visit_item_mod_mut(&mut self, module: &mut syn::ItemMod) {
        if let Some((_, items)) = &mut module.content {
            items.retain(is_product);
        }
        visit_mut::visit_item_mod_mut(self, module);
    }

    fn visit_item_impl_mut(&mut self, block: &mut syn::ItemImpl) {
        block.items.retain(is_product);
        visit_mut::visit_item_impl_mut(self, block);
    }

    fn visit_item_trait_mut(&mut self, item: &mut syn::ItemTrait) {
        item.items.retain(is_product);
        visit_mut::visit_item_trait_mut(self, item);
    }

    fn visit_item_enum_mut(&mut self, item: &mut syn::ItemEnum) {
        retain(&mut item.variants);
        visit_mut::visit_item_enum_mut(self, item);
    }

    fn visit_fields_named_mut(&mut self, fields: &mut syn::FieldsNamed) {
        retain(&mut fields.named);
        visit_mut::visit_fields_named_mut(self, fields);
    }

    fn visit_expr_struct_mut(&mut self, literal: &mut syn::ExprStruct) {
        retain(&mut literal.fields);
        visit_mut::visit_expr_struct_mut(self, literal);
    }

    fn visit_expr_match_mut(&mut self, choice: &mut syn::ExprMatch) {
        choice.arms.retain(is_product);
        visit_mut::visit_expr_match_mut(self, choice);
    }

    fn visit_block_mut(&mut self, block: &mut syn::Block) {
        block.stmts.retain(is_product);
        visit_mut::visit_block_mut(self, block);
    }
}

fn retain<T: ToTokens, P: Default>(list: &mut Punctuated<T, P>) {
    let pairs = mem::take(list).into_pairs().filter(|pair| is_product(pair.value()));
    *list = pairs.collect();
}

/// The attributes of a node stand before everything else of it.
fn is_product<T: ToTokens>(node: &T) -> bool {
    let mut tokens = node.to_token_stream().into_iter();
    while let (Some(TokenTree::Punct(mark)), Some(TokenTree::Group(group))) = (tokens.next(), tokens.next()) {
        if mark.as_char() != '#' || group.delimiter() != Delimiter::Bracket {
            break;
        }
        if is_test_cfg(group.stream()) {
            return false;
        }
    }
    true
}

/// Whether the inside of an attribute is `cfg(..)` and false in every product build.
fn is_test_cfg(attribute: TokenStream) -> bool {
    syn::parse2(attribute).is_ok_and(|meta: Meta| is_false_cfg(&meta))
}

fn is_of_tests(attribute: &Attribute) -> bool {
    is_false_cfg(&attribute.meta)
}

fn is_false_cfg(meta: &Meta) -> bool {
    match meta {
        Meta::List(list) if list.path.is_ident("cfg") => {
            syn::parse2(list.tokens.clone()).is_ok_and(|predicate: Meta| value(&predicate) == Some(false))
        }
        _ => false,
    }
}

/// The value of a `cfg` predicate in a product build, as far as it is known.
fn value(predicate: &Meta) -> Option<bool> {
    match predicate {
        Meta::Path(path) => (path.is_ident("test") || path.is_ident("doc")).then_some(false),
        Meta::NameValue(pair) => {
            let text = pair.value.to_token_stream().to_string();
            let is_of_tests = FEATURES.iter().any(|name| text.trim_matches('"') == *name);
            (pair.path.is_ident("feature") && is_of_tests).then_some(false)
        }
        Meta::List(list) => {
            let parser = Punctuated::<Meta, Token![,]>::parse_terminated;
            let inner = list.parse_args_with(parser).ok()?;
            let values: Vec<Option<bool>> = inner.iter().map(value).collect();
            let decisive = list.path.is_ident("any");
            if list.path.is_ident("not") {
                values.first().copied().flatten().map(|value| !value)
            } else if values.contains(&Some(decisive)) {
                Some(decisive)
            } else {
                values.iter().all(|value| *value == Some(!decisive)).then_some(!decisive)
            }
        }
    }
}

/// The line of an attribute that was not acted on.
struct Rest(Option<usize>);

impl<'ast> Visit<'ast> for Rest {
    fn visit_attribute(&mut self, attribute: &'ast Attribute) {
        if is_of_tests(attribute) {
            self.0 = Some(attribute.span().start().line);
        }
        visit::visit_attribute(self, attribute);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whatever_tests_alone_have_is_left_out() -> Result<()> {
        let rows = [
            ("#[test] fn a() {}", "#[test] fn a() {}"),
            ("#[cfg(test)] fn a() {} fn b() {}", "fn b() {}"),
            ("mod m { #[cfg(test)] use a::b; fn c() {} }", "mod m { fn c() {} }"),
            ("impl A { #[cfg(test)] fn a() {} fn b() {} }", "impl A { fn b() {} }"),
            ("trait A { #[cfg(test)] fn a(); fn b(); }", "trait A { fn b(); }"),
            ("enum A { #[cfg(test)] B, C }", "enum A { C }"),
            ("struct A { #[cfg(test)] b: u8, c: u8 }", "struct A { c: u8 }"),
            ("fn a() { #[cfg(test)] let b = 1; c(); }", "fn a() { c(); }"),
            ("fn a() { A { #[cfg(test)] b: 1, c: 2 } }", "fn a() { A { c: 2 } }"),
            ("fn a() { match b { #[cfg(test)] C => 1, D => 2 } }", "fn a() { match b { D => 2 } }"),
        ];
        for (text, wanted) in rows {
            let left = product(syn::parse_str(text)?)?.map(|file| file.to_token_stream().to_string());
            let wanted: syn::File = syn::parse_str(wanted)?;
            assert_eq!(left, Some(wanted.to_token_stream().to_string()), "{text}");
        }
        assert!(product(syn::parse_str("#![cfg(test)] fn a() {}")?)?.is_none());
        Ok(())
    }

    #[test]
    fn only_what_no_product_build_has_is_left_out() -> Result<()> {
        let rows = [
            ("test", false),
            ("doc", false),
            ("feature = \"sim\"", false),
            ("feature = \"testing\"", false),
            ("any(test, feature = \"sim\")", false),
            ("all(test, unix)", false),
            ("not(not(test))", false),
            ("feature = \"schema\"", true),
            ("unix", true),
            ("not(test)", true),
            ("not(unix)", true),
            ("any(test, unix)", true),
            ("any(test, not(test))", true),
            ("all(unix, feature = \"cli\")", true),
        ];
        for (predicate, stays) in rows {
            let file = product(syn::parse_str(&format!("#[cfg({predicate})] fn a() {{}}"))?)?;
            assert_eq!(file.is_some_and(|file| !file.items.is_empty()), stays, "{predicate}");
        }
        Ok(())
    }

    #[test]
    fn an_attribute_that_is_not_acted_on_is_an_error() -> Result<()> {
        let result = product(syn::parse_str("fn a(\n#[cfg(test)] b: u8) {}")?);
        let error = result.err().map(|error| error.to_string()).unwrap_or_default();
        assert!(error.contains("line 2"), "{error}");
        Ok(())
    }
}
