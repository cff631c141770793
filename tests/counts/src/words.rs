//! Words that the list of words to replace holds, in identifiers and documentation of the product.
//!
//! Identifiers are taken apart: `let_go` and `LetGo` are "let go". In proto files only comments are read,
//! because the names there are on the wire. Texts for people are not read.

use std::collections::HashMap;
use std::mem;

use syn::visit::{self, Visit};
use syn::{Ident, Lit};

use crate::count::Figure;
use crate::lines::{self, Piece};
use crate::product::{Product, Source};
use crate::proto;
use crate::vocabulary::{Entry, Kind, LONGEST, Vocabulary};

pub(crate) fn figure(product: &Product, vocabulary: &Vocabulary) -> Figure {
    let mut texts: Vec<Text> = product.sources.iter().map(Text::of).collect();
    let comments = product.protos.iter().flat_map(proto::comments).map(|comment| words(&comment));
    texts.push(Text { passages: comments.collect(), ..Text::default() });
    let numbers = numbers(&texts);
    let mut figure = Figure {
        examined: texts.iter().flat_map(|text| &text.passages).map(Vec::len).sum(),
        ..Figure::default()
    };
    for entry in &vocabulary.0 {
        let number: usize = if entry.named.is_empty() {
            entry.words.iter().filter_map(|word| numbers.get(&*words(word))).sum()
        } else {
            let declared = texts.iter().flat_map(|text| &text.declared);
            declared.filter(|(kind, name)| entry.is_name(*kind, name)).count()
        };
        figure.number += number.saturating_sub(entry.remain);
        if number > 0 {
            figure.found.push(entry.line(number));
        }
    }
    figure
}

/// How often words stand in a row.
fn numbers(texts: &[Text]) -> HashMap<&[String], usize> {
    let mut numbers = HashMap::new();
    for passage in texts.iter().flat_map(|text| &text.passages) {
        for length in 1..=LONGEST {
            passage.windows(length).for_each(|row| *numbers.entry(row).or_default() += 1);
        }
    }
    numbers
}

impl Entry {
    /// Whether a declaration of this kind has one of the words for a name.
    fn is_name(&self, kind: Kind, name: &[String]) -> bool {
        self.named.contains(&kind) && self.words.iter().any(|word| words(word) == name)
    }

    fn line(&self, number: usize) -> String {
        let Self { instead, remain, .. } = self;
        let kinds: Vec<String> = self.named.iter().map(|kind| format!("{kind:?}").to_lowercase()).collect();
        let kinds = if kinds.is_empty() { String::new() } else { format!(" ({})", kinds.join(", ")) };
        let stay = if *remain > 0 { format!("; {remain} may stay") } else { String::new() };
        format!("{number:>5} {}{kinds} -> {instead}{stay}", self.words.join(", "))
    }
}

/// The words of a file, or of several.
#[derive(Default)]
struct Text {
    /// Each identifier, and each comment.
    passages: Vec<Vec<String>>,
    declared: Vec<(Kind, Vec<String>)>,
}

impl Text {
    fn of(source: &Source) -> Self {
        let mut text = Self::default();
        text.visit_file(&source.code);
        // A comment of several lines is one passage.
        let mut comment = Vec::new();
        lines::each(&source.tokens, &mut |piece| match piece {
            Piece::Documentation(line) => {
                if let Lit::Str(line) = Lit::new(line.clone()) {
                    comment.extend(words(&line.value()));
                }
            }
            Piece::Name(name) => text.passages.extend([mem::take(&mut comment), words(&name.to_string())]),
            Piece::Token(_) => text.passages.push(mem::take(&mut comment)),
        });
        text.passages.push(comment);
        text
    }

    fn declare(&mut self, kind: Kind, name: &Ident) {
        self.declared.push((kind, words(&name.to_string())));
    }
}

impl<'ast> Visit<'ast> for Text {
    fn visit_field(&mut self, field: &'ast syn::Field) {
        if let Some(name) = &field.ident {
            self.declare(Kind::Fields, name);
        }
        visit::visit_field(self, field);
    }

    fn visit_signature(&mut self, signature: &'ast syn::Signature) {
        self.declare(Kind::Functions, &signature.ident);
        visit::visit_signature(self, signature);
    }

    fn visit_item_mod(&mut self, item: &'ast syn::ItemMod) {
        self.declare(Kind::Modules, &item.ident);
        visit::visit_item_mod(self, item);
    }

    fn visit_item_struct(&mut self, item: &'ast syn::ItemStruct) {
        self.declare(Kind::Types, &item.ident);
        visit::visit_item_struct(self, item);
    }

    fn visit_item_enum(&mut self, item: &'ast syn::ItemEnum) {
        self.declare(Kind::Types, &item.ident);
        visit::visit_item_enum(self, item);
    }

    fn visit_item_trait(&mut self, item: &'ast syn::ItemTrait) {
        self.declare(Kind::Types, &item.ident);
        visit::visit_item_trait(self, item);
    }

    fn visit_variant(&mut self, variant: &'ast syn::Variant) {
        self.declare(Kind::Variants, &variant.ident);
        visit::visit_variant(self, variant);
    }
}

/// The words of an identifier or a text, in lower case.
fn words(text: &str) -> Vec<String> {
    let mut words: Vec<String> = Vec::new();
    let mut before = ' ';
    for letter in text.chars().filter(|letter| *letter != '\'') {
        if letter.is_alphanumeric() {
            let begins = !before.is_alphanumeric() || letter.is_uppercase() && before.is_lowercase();
            match words.last_mut().filter(|_| !begins) {
                Some(word) => word.extend(letter.to_lowercase()),
                None => words.push(letter.to_lowercase().collect()),
            }
        }
        before = letter;
    }
    words
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::product::samples;
    use crate::tree::File;

    #[test]
    fn identifiers_are_taken_apart() {
        let rows = [
            ("let_go", "let go"),
            ("LetGo", "let go"),
            ("is_told2", "is told2"),
            ("It's told; `let_go`.", "its told let go"),
            ("MAX", "max"),
            ("", ""),
        ];
        for (text, wanted) in rows {
            assert_eq!(words(text).join(" "), wanted);
        }
    }

    #[test]
    fn words_count_in_identifiers_and_documentation() {
        let text = "//! It is told.\n// told\n/// Untold, and let\n/// go.\nfn was_told() { \"told\"; let told = LetGo; }\n\
            #[cfg(test)]\nfn told() {}\n";
        let rows = [
            ("[{words: [told], instead: x}]", 3, "    3 told -> x"),
            ("[{words: [let go], instead: x}]", 2, "    2 let go -> x"),
            ("[{words: [told, let go], instead: x}]", 5, "    5 told, let go -> x"),
        ];
        for (list, number, line) in rows {
            let found = found(text, list);
            assert_eq!((found.number, found.found), (number, vec![line.to_owned()]), "{list}");
        }
    }

    #[test]
    fn a_word_can_be_wrong_as_the_whole_name_of_a_declaration_alone() {
        let text = "mod kept {}\nstruct Kept { kept: u8, kept_by: u8 }\nenum A { Kept }\ntrait B { fn kept(); }\n\
            /// Is kept.\nfn kept() { let kept = kept(); }\nfn is_kept() {}\n";
        let rows = [
            ("functions", 2),
            ("types", 1),
            ("fields", 1),
            ("variants", 1),
            ("modules", 1),
            ("types, fields", 2),
        ];
        for (kinds, number) in rows {
            let list = format!("[{{words: [kept], instead: x, named: [{kinds}]}}]");
            assert_eq!(found(text, &list).number, number, "{kinds}");
        }
    }

    #[test]
    fn what_may_stay_is_subtracted_from_its_own_word() {
        let list = "[{words: [told], instead: x, remain: 2, reason: y}, {words: [kept], instead: x}]";
        for (text, number) in
            [("fn told(told: A) {}", 0), ("fn told(told: A, kept: B) { told() }", 2), ("fn f() {}", 0)]
        {
            assert_eq!(found(text, list).number, number, "{text}");
        }
    }

    #[test]
    fn of_a_proto_file_comments_count() {
        let proto = File::sample(
            "core/a.proto",
            "// Told, or let\n// go.\nmessage Told {\n  int32 told = 1; // told\n}\n",
        );
        let product = Product { protos: vec![proto], ..samples::product(&[("lib.rs", "fn f() {}")]) };
        let list = Vocabulary::parse("[{words: [told, let go], instead: x}]").expect("it is a list");
        assert_eq!(figure(&product, &list).number, 3);
    }

    #[test]
    fn words_are_examined_where_none_is_found() {
        let figure = found("fn let_it() {}", "[{words: [told], instead: x}]");
        assert_eq!((figure.number, figure.examined), (0, 3));
    }

    fn found(text: &str, list: &str) -> Figure {
        let list = Vocabulary::parse(list).expect("it is a list");
        figure(&samples::product(&[("lib.rs", text)]), &list)
    }
}
