use crate::engine::fixtures::base;
use crate::engine::{Answer, Refusal, admit, edit};
use crate::model::{
    Action, Base, BatchPhase, Command, Edit, Flow, FlowPhase, Hold, HoldReason, MAX_BATCHES, Orders, Plan,
    Progress, Stage, Target, Timestamp, Verdict,
};

const NEXT: Command = Command::Next { expected: None };
const ALL: [Command; 5] = [NEXT, Command::GoTo(AHEAD), Command::Pause, Command::Resume, Command::Cancel];
const AHEAD: Target = Target { batch: 2, phase: BatchPhase::Smoking };
const BAKING: Target = Target { batch: 1, phase: BatchPhase::Baking };

/// A canary that asks whether it may take traffic.
fn asking() -> Flow {
    let plan = Plan { base: base(0, 4), fresh: 0, work: 4 };
    Flow::test(Action::Create, 4).canary(1).at(plan, 1, 0, 1, Stage::Smoked)
}

fn held(mut flow: Flow) -> Flow {
    let hold = Hold { reason: HoldReason::PodsFailed, resumes: flow.orders.resumes };
    if let Progress::Rolling { batch, .. } = &mut flow.progress {
        batch.hold = Some(hold);
    }
    flow
}

fn paused(mut flow: Flow) -> Flow {
    flow.orders.paused = true;
    flow
}

fn ended(verdict: Verdict) -> Flow {
    Flow { progress: Progress::Finished { verdict, at: Timestamp::default() }, ..asking() }
}

fn orders(flow: &Flow, change: impl FnOnce(&mut Orders)) -> Result<Answer, Refusal> {
    let mut orders = flow.orders.clone();
    change(&mut orders);
    Ok(Answer::Orders(orders))
}

#[test]
fn a_flow_is_removed_only_when_it_has_ended() {
    let refused = Err(Refusal::Unfinished { phase: FlowPhase::BatchStarted });
    assert_eq!(admit(&asking(), Command::Delete), refused);
    assert_eq!(admit(&ended(Verdict::Succeeded), Command::Delete), Ok(Answer::Remove));
}

#[test]
fn a_flow_that_has_ended_takes_no_orders() {
    for command in ALL {
        let refused = Err(Refusal::Finished { phase: FlowPhase::Success });
        assert_eq!(admit(&ended(Verdict::Succeeded), command), refused, "{command:?}");
    }
    assert_eq!(admit(&ended(Verdict::Canceled), Command::Cancel), Ok(Answer::AlreadySo));
}

#[test]
fn a_cancelled_flow_takes_no_orders_and_a_second_cancel_changes_nothing() {
    let mut flow = asking();
    assert_eq!(admit(&flow, Command::Cancel), orders(&flow, |orders| orders.canceled = true));
    flow.orders.canceled = true;
    for command in ALL.into_iter().filter(|command| *command != Command::Cancel) {
        assert_eq!(admit(&flow, command), Err(Refusal::Closing), "{command:?}");
    }
    assert_eq!(admit(&flow, Command::Cancel), Ok(Answer::AlreadySo));
}

#[test]
fn a_cancel_lifts_a_pause_that_would_keep_what_is_to_return() {
    let mut flow = asking();
    flow.orders.paused = true;
    let wanted = orders(&flow, |orders| (orders.canceled, orders.paused) = (true, false));
    assert_eq!(admit(&flow, Command::Cancel), wanted);
    let both = Edit { paused: Some(true), canceled: Some(true), ..Edit::default() };
    assert_eq!(edit(&asking(), &both), wanted);
}

#[test]
fn an_edit_pauses_a_cancelled_flow_while_it_returns_its_pods_as_the_order_does() {
    let plan = |turned| Plan { base: Base { turned, ..base(4, 4) }, fresh: 0, work: 4 };
    let canceled = |turned| {
        let mut flow = Flow::test(Action::Update, 4).at(plan(turned), 1, 0, 1, Stage::Smoking);
        flow.orders.canceled = true;
        flow
    };
    let (pause, cancel) =
        (Edit { paused: Some(true), ..Edit::default() }, Edit { canceled: Some(true), ..Edit::default() });
    let returning = canceled(true);
    assert_eq!(edit(&returning, &pause), orders(&returning, |orders| orders.paused = true));
    assert_eq!(edit(&returning, &pause), admit(&returning, Command::Pause));
    assert_eq!(edit(&returning, &cancel), Ok(Answer::AlreadySo));
    assert_eq!(edit(&canceled(false), &pause), Err(Refusal::Closing));
}

#[test]
fn next_gives_exactly_the_permission_that_is_asked_for() {
    assert_eq!(admit(&asking(), NEXT), orders(&asking(), |orders| orders.target = BAKING));
    let mut given = asking();
    given.orders.target = BAKING;
    assert!(matches!(admit(&given, NEXT), Err(Refusal::NotWaiting { .. })), "a second Next gave more");
    let booting = Flow { progress: Progress::Preparing { base: base(0, 4) }, ..asking() };
    assert!(matches!(admit(&booting, NEXT), Err(Refusal::NotWaiting { .. })), "nothing asked");
}

#[test]
fn next_that_expects_something_else_is_refused() {
    let actual = Target { batch: 1, phase: BatchPhase::Smoked };
    let next = |expected| admit(&asking(), Command::Next { expected: Some(expected) });
    assert_eq!(next(AHEAD), Err(Refusal::Stale { expected: AHEAD, actual }));
    assert_eq!(next(actual), orders(&asking(), |orders| orders.target = BAKING));
}

#[test]
fn next_is_refused_while_paused_by_order_or_held_by_a_fault() {
    assert_eq!(admit(&paused(asking()), NEXT), Err(Refusal::Paused));
    assert_eq!(admit(&held(asking()), NEXT), Err(Refusal::Paused));
    let mut resumed = held(asking());
    resumed.orders.resumes += 1;
    assert_eq!(admit(&resumed, NEXT), orders(&resumed, |orders| orders.target = BAKING));
}

#[test]
fn a_target_reaches_ahead_and_is_not_taken_back() {
    assert_eq!(admit(&asking(), Command::GoTo(AHEAD)), orders(&asking(), |orders| orders.target = AHEAD));
    let mut given = asking();
    given.orders.target = AHEAD;
    let refused = Err(Refusal::Backwards { asked: BAKING, given: AHEAD });
    assert_eq!(admit(&given, Command::GoTo(BAKING)), refused);
    assert_eq!(admit(&given, Command::GoTo(AHEAD)), Ok(Answer::AlreadySo));
}

#[test]
fn a_target_beyond_every_batch_is_refused() {
    let target = |batch| Command::GoTo(Target { batch, phase: BatchPhase::Smoking });
    assert_eq!(admit(&asking(), target(MAX_BATCHES + 1)), Err(Refusal::TooFar));
    assert!(admit(&asking(), target(MAX_BATCHES)).is_ok());
}

#[test]
fn pause_and_resume_change_only_what_is_not_so_already() {
    assert_eq!(admit(&asking(), Command::Resume), Ok(Answer::AlreadySo));
    assert_eq!(admit(&asking(), Command::Pause), orders(&asking(), |orders| orders.paused = true));
    let flow = paused(asking());
    assert_eq!(admit(&flow, Command::Pause), Ok(Answer::AlreadySo));
    assert_eq!(admit(&flow, Command::Resume), orders(&flow, |orders| orders.paused = false));
}

#[test]
fn resume_counts_once_against_the_hold_that_stands() {
    let mut flow = held(asking());
    assert_eq!(admit(&flow, Command::Resume), orders(&flow, |orders| orders.resumes = 1));
    flow.orders.resumes = 1;
    assert_eq!(admit(&flow, Command::Resume), Ok(Answer::AlreadySo), "a repeated Resume counted twice");
}
