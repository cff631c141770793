//! The live view on a terminal that is none, and the picture of it in the README.

use std::path::Path;
use std::{env, fs};

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::buffer::Buffer;
use triton_core::model::{
    BatchPhase, BatchReport, PodName, PodPhase, PodReport, PullIn, Target, WaitingReport,
};

use super::super::keys::Key;
use super::*;
use crate::cli::svg;
use crate::views;

#[test]
fn batches_pods_traffic_and_the_wait_are_on_one_screen() {
    let text = text(&shown(&State { flow: Some(rollout()), ..State::default() }, 96, 30));
    for wanted in [
        "triton watch  shop/web-v2",
        "BatchStarted  PullingIn   update web, mode auto",
        "3 of 8 new pods in traffic",
        "batches  1 of 4 finished",
        "1 canary  Baked        ████████████████████",
        "2         Baking       █████████████▓▓▓▓▓▓▓  2 of 3",
        "3         planned      ░░░░░░░░░░░░░░░░░░░░",
        "web-v2-x7k2p",
        "10.1.2.6:8080",
        "waits for the registry to show the new pods: 3 of 4 are in traffic",
        "p pause   c cancel   q quit",
    ] {
        assert!(text.contains(wanted), "{wanted} is missing in\n{text}");
    }
}

#[test]
fn a_long_message_has_room_and_a_wide_terminal_is_used() {
    let mut view = rollout();
    let message =
        format!("waits for pods; {}whole", "pod web-v2-2mwkt: ImagePull: no such image; ".repeat(6));
    view.record.waiting.as_mut().unwrap().message = message;
    let state = State { flow: Some(view), ..State::default() };
    for width in [80, 140, 200] {
        let text = text(&shown(&state, width, 30));
        assert!(text.contains("whole") && text.contains("at the latest"), "{width}:\n{text}");
        assert!(text.contains("running for"), "{width}:\n{text}");
        assert!(text.contains("ContainersReady") && text.contains("out of traffic"), "{width}:\n{text}");
    }
}

#[test]
fn a_pod_without_the_gate_is_shown_as_such() {
    let mut view = rollout();
    let shown_as =
        |view: &FlowView| text(&shown(&State { flow: Some(view.clone()), ..State::default() }, 96, 30));
    assert!(!shown_as(&view).contains("ungated"));
    view.record.conditions[1].pods[0].ungated = true;
    assert!(shown_as(&view).contains("in, ungated"), "{}", shown_as(&view));
}

#[test]
fn batches_that_are_not_listed_are_drawn_as_finished_before_the_current_one_and_as_planned_after_it() {
    let mut view = rollout();
    view.record.batches = 9;
    view.record.conditions[1].batch = 7;
    view.record.conditions[1].pods_total = 40;
    let drawn = text(&shown(&State { flow: Some(view.clone()), ..State::default() }, 96, 40));
    let row = |number: u32| {
        let begins = |line: &&str| line.trim_start_matches(['│', ' ']).starts_with(&format!("{number}  "));
        drawn.lines().find(begins).unwrap_or_else(|| panic!("no batch {number} in\n{drawn}"))
    };
    assert!(row(6).contains("Baked") && row(8).contains("planned"), "{drawn}");
    assert!(row(7).contains("Baking") && row(7).contains("2 of 40"), "{drawn}");
    view.record.conditions.clear();
    shown(&State { flow: Some(view), ..State::default() }, 96, 40);
}

#[test]
fn a_question_stands_where_the_keys_were() {
    let mut state = State { flow: Some(views::smoked("web-df")), ..State::default() };
    state.press(Key::Letter('n'));
    let text = text(&shown(&state, 80, 24));
    assert!(text.contains("Next lets batch 1 take traffic. Let it? y/N"), "{text}");
    assert!(!text.contains("q quit"), "{text}");
}

#[test]
fn what_an_order_came_to_stands_beside_the_keys_or_in_their_place() {
    let mut state = State { flow: Some(views::smoked("web-df")), ..State::default() };
    state.notice = Some("paused".into());
    let short = text(&shown(&state, 80, 24));
    assert!(short.contains("q quit") && short.contains("paused"), "{short}");
    state.notice = Some("refused because of something that takes a whole line to say".into());
    let long = text(&shown(&state, 80, 24));
    assert!(!long.contains("q quit") && long.contains("a whole line to say"), "{long}");
}

#[test]
fn small_terminals_and_long_rollouts_are_drawn_all_the_same() {
    let mut view = rollout();
    view.record.batches = 500;
    let state = State { flow: Some(view), ..State::default() };
    for (width, height) in [(1, 1), (20, 5), (40, 12), (200, 60)] {
        shown(&state, width, height);
    }
    let text = text(&shown(&state, 96, 24));
    assert!(text.contains("2         Baking"), "the current batch is in sight\n{text}");
}

#[test]
fn before_the_first_flow_the_view_says_so() {
    let text = text(&shown(&State::default(), 80, 10));
    assert!(text.contains("no flow yet"), "{text}");
}

#[test]
fn without_colours_nothing_is_coloured() {
    let state = State { flow: Some(rollout()), ..State::default() };
    let mut terminal = Terminal::new(TestBackend::new(96, 30)).unwrap();
    terminal.draw(|frame| draw(frame, &state, views::at(95), Paint::default())).unwrap();
    let buffer = terminal.backend().buffer();
    assert!(buffer.content().iter().all(|cell| cell.fg == Color::Reset && cell.bg == Color::Reset));
}

/// `TRITON_BLESS=1` writes it anew (`make gen`).
#[test]
fn the_picture_in_the_readme_is_in_step() {
    let state = State { flow: Some(rollout()), ..State::default() };
    let picture = svg::picture(&shown(&state, 96, 25), "kubectl triton watch web-v2");
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/images/watch.svg");
    if env::var_os("TRITON_BLESS").is_some() {
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, &picture).unwrap();
    }
    let there = fs::read_to_string(&path).unwrap_or_default();
    assert!(there == picture, "docs/images/watch.svg is not what the view looks like: run make gen");
}

fn shown(state: &State, width: u16, height: u16) -> Buffer {
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    terminal.draw(|frame| draw(frame, state, views::at(95), Paint::always())).unwrap();
    terminal.backend().buffer().clone()
}

fn text(buffer: &Buffer) -> String {
    let width = usize::from(buffer.area.width);
    let lines = buffer.content().chunks(width);
    lines.map(|cells| cells.iter().map(|cell| cell.symbol()).collect::<String>() + "\n").collect()
}

/// An update of eight pods whose second batch is being pulled in.
fn rollout() -> FlowView {
    let mut view = views::smoked("web-v2");
    view.id.namespace = "shop".parse().unwrap();
    view.action = "update".into();
    view.instance_name = "web".into();
    view.replicas = 8;
    view.target = Target { batch: 2, phase: BatchPhase::Smoking };
    let record = &mut view.record;
    record.replicas = 11;
    record.updated_replicas = 4;
    record.updated_ready_replicas = 3;
    record.batches = 4;
    record.finished_batches = 1;
    record.conditions = vec![
        batch(1, BatchPhase::Baked, &[("x7k2p", true)], (0, Some(61))),
        batch(2, BatchPhase::Baking, &[("2mwkt", true), ("9qzvd", true), ("hb4ls", false)], (71, None)),
    ];
    let message = "waits for the registry to show the new pods: 3 of 4 are in traffic";
    let (since, until) = (views::at(92), views::at(692));
    record.waiting =
        Some(WaitingReport { reason: "PullingIn".into(), message: message.into(), since, until });
    view
}

fn batch(number: u32, phase: BatchPhase, pods: &[(&str, bool)], times: (i64, Option<i64>)) -> BatchReport {
    let pods = pods.iter().zip(1_u8..).map(|((name, is_in), at)| PodReport {
        name: PodName::new(format!("web-v2-{name}")).unwrap(),
        ip: format!("10.1.2.{}", 4 * u8::try_from(number).unwrap() + at - 3),
        port: 8080,
        phase: if *is_in { PodPhase::Ready } else { PodPhase::ContainersReady },
        pull_in_status: if *is_in { PullIn::PullInSucceeded } else { PullIn::None },
        ungated: false,
        reason: String::new(),
        message: String::new(),
    });
    let pods: Vec<_> = pods.collect();
    BatchReport {
        batch: number,
        batch_size: u32::try_from(pods.len()).unwrap(),
        canary: number == 1,
        phase,
        failed_replicas: 0,
        pods_total: u32::try_from(pods.len()).unwrap(),
        pods_in_traffic: u32::try_from(pods.iter().filter(|pod| pod.phase == PodPhase::Ready).count())
            .unwrap(),
        pods,
        started_at: Some(views::at(times.0)),
        pulled_in_at: None,
        finished_at: times.1.map(views::at),
    }
}
