use crate::engine::decide;
use crate::engine::decision::{Decision, Waiting, Why};
use crate::engine::fixtures::{NOW, base};
use crate::model::{
    Action, Carried, Flow, FlowId, Left, Lock, Observation, Obstacle, Place, Progress, Revision, SpecHash,
    Verdict,
};

#[test]
fn an_order_that_was_carried_out_ends_at_its_first_look() {
    type Row<'a> = (&'a str, bool, &'a dyn Fn(&mut Observation));
    let rows: [Row<'_>; 12] = [
        ("as it was ordered", true, &|_| ()),
        ("another size", false, &|seen| resize(seen, 5)),
        ("another revision", false, &|seen| seen.revision = revision("app-other")),
        ("ordered without a size", true, &|seen| {
            carried(seen).size = None;
            resize(seen, 5);
        }),
        ("brought no template", true, &|seen| {
            carried(seen).revision = None;
            seen.revision = revision("app-other");
        }),
        ("another flow has it", false, &|seen| seen.lock = Lock::Theirs(other())),
        ("another flow has it and would give way", false, &|seen| {
            (seen.lock, seen.yields) = (Lock::Theirs(other()), true);
        }),
        ("another flow has it and is not settled", false, &|seen| {
            (seen.lock, seen.settled) = (Lock::Theirs(other()), false);
        }),
        ("others are before it in line", true, &|seen| {
            seen.place = Some(Place { number: 2, behind: other() });
        }),
        ("it is being deleted", false, &|seen| seen.obstacle = Some(Obstacle::Deleted)),
        ("it belongs to another controller", false, &|seen| {
            seen.obstacle = Some(Obstacle::Owned { owner: "App a".into() });
        }),
        ("a flow left it in the middle", false, &|seen| seen.left = Some(Left { size: None })),
    ];
    for action in Action::ALL {
        for (what, stands, change) in rows {
            for progress in [Progress::Pending, Progress::Preparing { base: base(3, 3) }] {
                let flow = Flow { progress, ..Flow::test(action, 3) };
                let mut seen = again();
                change(&mut seen);
                let ended = Verdict::AlreadyCarriedOut { stands };
                let Decision::Move(progress, why) = decide(&flow, &seen, NOW) else {
                    panic!("{action}, {what}: it does not end")
                };
                assert_eq!(progress, Progress::Finished { verdict: ended, at: NOW }, "{action}, {what}");
                assert_eq!(why.reason(), "AlreadyCarriedOut");
            }
        }
    }
}

#[test]
fn whether_the_order_still_stands_is_told_only_of_a_workload_that_is_settled() {
    let seen = Observation { settled: false, ..again() };
    let decision = decide(&Flow::test(Action::Update, 3), &seen, NOW);
    assert!(matches!(decision, Decision::Wait(Waiting::Backend, _)), "{decision:?}");
}

#[test]
fn a_person_who_cancels_or_pauses_is_obeyed_first() {
    let mut flow = Flow::test(Action::Update, 3);
    flow.orders.canceled = true;
    let canceled = Progress::Finished { verdict: Verdict::Canceled, at: NOW };
    assert!(matches!(decide(&flow, &again(), NOW), Decision::Move(progress, _) if progress == canceled));
    let mut flow = Flow::test(Action::Update, 3);
    flow.orders.paused = true;
    assert!(matches!(decide(&flow, &again(), NOW), Decision::Wait(Waiting::Paused, _)));
}

#[test]
fn an_order_that_is_remembered_of_no_flow_of_that_name_and_spec_is_carried_out() {
    let seen = Observation { carried: None, ..again() };
    let decision = decide(&Flow::test(Action::Update, 3), &seen, NOW);
    assert!(matches!(decision, Decision::Move(Progress::Preparing { .. }, _)), "{decision:?}");
}

#[test]
fn a_flow_that_ended_so_holds_nothing_and_releases_nothing() {
    for stands in [true, false] {
        let verdict = Verdict::AlreadyCarriedOut { stands };
        let flow =
            Flow { progress: Progress::Finished { verdict, at: NOW }, ..Flow::test(Action::Update, 3) };
        for lock in [Lock::Free, Lock::Theirs(other())] {
            assert_eq!(decide(&flow, &Observation { lock, ..again() }, NOW), Decision::Done);
        }
    }
}

#[test]
fn it_says_how_to_carry_the_order_out_again() {
    for stands in [true, false] {
        let why = Why::Ended { verdict: Verdict::AlreadyCarriedOut { stands }, cause: None };
        let text = alloc::string::ToString::to_string(&why);
        assert!(text.contains("nothing was done") && text.contains("a new name"), "{text}");
    }
}

#[test]
fn what_only_a_create_sets_is_not_passed_over_when_another_flow_orders_it() {
    let field = "spec.application.volumeClaimTemplates";
    for action in Action::ALL.into_iter().filter(|action| *action != Action::Create) {
        let mut flow = Flow::test(action, if action == Action::Delete { 0 } else { 3 });
        flow.spec.rollback_to = revision("app-old");
        let seen = Observation { carried: None, differs: alloc::vec![field], ..again() };
        let Decision::Move(Progress::Finished { verdict: Verdict::Failed(failure), .. }, _) =
            decide(&flow, &seen, NOW)
        else {
            panic!("{action}: it begins")
        };
        assert!(
            failure.reason() == "Unsupported" && alloc::format!("{failure}").starts_with(field),
            "{failure}"
        );
        let same = Observation { differs: alloc::vec![], ..seen };
        let begins = decide(&flow, &same, NOW);
        assert!(matches!(begins, Decision::Move(Progress::Preparing { .. }, _)), "{action}: {begins:?}");
    }
}

/// A free workload that is as a flow left it that had the name and the spec of the one that looks.
fn again() -> Observation {
    let carried = Carried {
        name: "df".parse().expect("a name"),
        spec: SpecHash::of(&Flow::test(Action::Update, 3).spec),
        size: Some(3),
        revision: revision("app-new"),
    };
    Observation { lock: Lock::Free, carried: Some(carried), ..Observation::mine(3, 0, 0) }
}

fn carried(seen: &mut Observation) -> &mut Carried {
    seen.carried.as_mut().expect("it was carried out")
}

fn resize(seen: &mut Observation, replicas: u32) {
    seen.shape.as_mut().expect("a workload").replicas = replicas;
}

fn revision(name: &str) -> Option<Revision> {
    Revision::new(name).ok()
}

fn other() -> FlowId {
    FlowId { namespace: "default".parse().expect("a name"), name: "other".parse().expect("a name") }
}
