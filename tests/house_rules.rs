//! The rules of the house, as far as a program can see them. Each rule has a test that it can fail.
//!
//! `TRITON_BLESS=1` writes the generated files anew instead of comparing them (`make gen`).

#[path = "house_rules/budgets.rs"]
mod budgets;
#[path = "house_rules/directions.rs"]
mod directions;
#[path = "house_rules/generated.rs"]
mod generated;
#[path = "house_rules/guards.rs"]
mod guards;
#[path = "house_rules/manual.rs"]
mod manual;
#[path = "house_rules/pages.rs"]
mod pages;
#[path = "house_rules/reached.rs"]
mod reached;
#[path = "house_rules/records.rs"]
mod records;
#[path = "house_rules/rooms.rs"]
mod rooms;
#[path = "house_rules/source.rs"]
mod source;
#[path = "house_rules/states.rs"]
mod states;
#[path = "house_rules/words.rs"]
mod words;

use source::{Fault, File, files, root};

#[test]
fn every_file_and_function_keeps_its_budget() {
    clean(&rust(), budgets::check);
}

#[test]
fn every_file_of_code_is_compiled() {
    assert_eq!(reached::check(&files()), Vec::<Fault>::new());
}

#[test]
fn imports_point_one_way() {
    clean(&rust(), directions::check);
}

#[test]
fn the_core_depends_on_no_runtime_and_no_cluster() {
    let tree = directions::dependencies_of_the_core(&root());
    assert_eq!(directions::foreign(&tree), Vec::<String>::new(), "{tree}");
}

#[test]
fn the_top_level_has_exactly_its_rooms() {
    assert_eq!(rooms::check(&root()), Vec::<String>::new());
}

#[test]
fn every_crate_takes_part_in_the_lint_wall() {
    clean(&files(), rooms::lints);
}

#[test]
fn nothing_is_left_for_later_and_nothing_names_a_machine() {
    clean(&files(), words::check);
}

#[test]
fn every_link_in_a_page_resolves() {
    let files = files();
    clean(&files, |file| pages::links(file, &files));
}

#[test]
fn every_make_target_that_a_page_names_exists() {
    let files = files();
    let makefile = files.iter().find(|file| file.path == "Makefile").expect("there is a Makefile");
    clean(&files, |file| pages::targets(file, makefile));
}

#[test]
fn the_manual_names_everything_that_there_is() {
    let files = files();
    let page = |path: &str| files.iter().find(|file| file.path == path).map_or("", |file| &file.text);
    let operations = page("docs/operations.md");
    assert_eq!(manual::missing(operations, &manual::command_line()), Vec::<String>::new());
    assert_eq!(manual::missing(operations, &manual::reasons()), Vec::<String>::new());
    assert_eq!(manual::missing(operations, &manual::metrics()), Vec::<String>::new());
    let protos = files.iter().filter(|file| file.path.ends_with(".proto"));
    let calls: Vec<String> = protos.flat_map(|file| manual::calls(&file.text)).collect();
    assert_eq!(manual::missing(page("docs/wire.md"), &calls), Vec::<String>::new());
}

#[test]
fn every_decision_record_has_the_form() {
    assert_eq!(records::check(&files()), Vec::<Fault>::new());
}

#[test]
fn every_guard_is_in_place_and_missed_when_it_is_gone() {
    let all = triton_tests::guards::all().expect("the lists of guards can be read");
    let page = guards::text(triton_tests::guards::page::PATH);
    assert_eq!(guards::check(&all, &page, guards::text), Vec::<String>::new(), "run make guards");
}

#[test]
fn generated_files_are_in_step() {
    for (path, text) in generated::all() {
        generated::compare_or_write(&root().join(path), &text).expect("run make gen");
    }
}

fn rust() -> Vec<File> {
    files().into_iter().filter(|file| file.path.ends_with(".rs")).collect()
}

fn clean(files: &[File], rule: impl Fn(&File) -> Vec<Fault>) {
    let faults: Vec<String> = files.iter().flat_map(rule).map(|fault| fault.to_string()).collect();
    assert!(faults.is_empty(), "{} faults:\n{}", faults.len(), faults.join("\n"));
}
