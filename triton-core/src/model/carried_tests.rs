use super::*;
use crate::model::{Draft, Failure, FlowId, Timestamp};

#[test]
fn an_order_is_found_again_by_its_name_and_its_spec() {
    let memory = CarriedOut::default().noted(&done("a", Action::Create, 3), revision("app-1").as_ref(), 3);
    let again = Flow { uid: "another".parse().expect("a uid"), ..done("a", Action::Create, 3) };
    let found = memory.find(&again).expect("it was carried out");
    assert_eq!((found.size, found.revision), (Some(3), revision("app-1")));
    assert_eq!(memory.find(&done("b", Action::Create, 3)), None, "another name");
    assert_eq!(memory.find(&done("a", Action::Create, 4)), None, "another spec");
}

#[test]
fn what_was_ordered_is_remembered_by_the_kind_of_order() {
    let rows = [
        (Action::Create, Some(3), Some(3), true),
        (Action::Update, Some(3), Some(3), true),
        (Action::Update, None, None, true),
        (Action::Rollback, None, None, true),
        (Action::Restart, Some(3), None, false),
        (Action::Scale, Some(3), Some(3), false),
        (Action::ScaleIn, Some(3), Some(3), false),
        (Action::ScaleOut, Some(3), Some(3), false),
        (Action::Start, Some(3), Some(3), false),
        (Action::Start, None, Some(8), false),
        (Action::Stop, None, Some(8), false),
    ];
    for (action, replicas, size, brings) in rows {
        let mut flow = done("a", action, 3);
        flow.spec.replicas = replicas;
        let memory = CarriedOut::default().noted(&flow, revision("app-1").as_ref(), 8);
        let found = memory.find(&flow).expect("it was carried out");
        assert_eq!((found.size, found.revision.is_some()), (size, brings), "{action} {replicas:?}");
    }
}

#[test]
fn only_what_succeeded_was_carried_out() {
    let by = FlowId { namespace: "default".parse().expect("a name"), name: "b".parse().expect("a name") };
    let failed = Verdict::Failed(Failure::LockLost);
    let already = Verdict::AlreadyCarriedOut { stands: true };
    for verdict in [Verdict::Canceled, Verdict::Aborted { by }, failed, already] {
        let flow = ended("a", Action::Update, 3, verdict);
        assert_eq!(CarriedOut::default().noted(&flow, None, 3), CarriedOut::default(), "{:?}", flow.progress);
    }
    let running = Flow { progress: Progress::Pending, ..done("a", Action::Update, 3) };
    assert_eq!(CarriedOut::default().noted(&running, None, 3), CarriedOut::default());
}

#[test]
fn the_64_newest_are_remembered_each_once() {
    let mut memory = CarriedOut::default();
    for at in 0..200 {
        memory = memory.noted(&done(&format!("flow-{}", at % 100), Action::Update, 1), None, 1);
    }
    let known = |at| memory.find(&done(&format!("flow-{at}"), Action::Update, 1)).is_some();
    assert_eq!((0..100).filter(|at| known(*at)).collect::<Vec<_>>(), (36..100).collect::<Vec<_>>());
    assert_eq!(entries(memory.as_str()).count(), MOST);
    assert!(memory.as_str().starts_with("flow-99:"), "newest first");
}

#[test]
fn orders_that_bring_no_revision_let_none_be_forgotten_that_did() {
    let revision = Revision::new("app-2").ok();
    let update = done("update", Action::Update, 1);
    let mut memory = CarriedOut::default().noted(&update, revision.as_ref(), 1);
    for at in 0..200 {
        memory = memory.noted(&done(&format!("scale-{at}"), Action::Scale, 1), revision.as_ref(), 1);
    }
    assert!(memory.find(&update).is_some());
    assert_eq!(entries(memory.as_str()).count(), MOST + 1);
    assert!(memory.find(&done("scale-136", Action::Scale, 1)).is_some());
    assert!(memory.find(&done("scale-135", Action::Scale, 1)).is_none());
}

#[test]
fn the_largest_memory_fits_into_the_annotations_of_an_object() {
    let (name, revision) = ("n".repeat(250), Revision::new("r".repeat(253)).ok());
    let mut memory = CarriedOut::default();
    for at in 100..200 {
        for action in [Action::Update, Action::Scale] {
            memory = memory.noted(&done(&format!("{name}{at}"), action, 10_000), revision.as_ref(), 1);
        }
    }
    // Kubernetes: `TotalAnnotationSizeLimitB` is 256 KiB for all annotations of an object.
    assert!(memory.as_str().len() < 64 * 1024, "{}", memory.as_str().len());
}

#[test]
fn a_line_is_read_as_it_was_written_and_one_that_says_something_else_is_refused() {
    let memory = CarriedOut::default()
        .noted(&done("a", Action::Create, 3), revision("app-1").as_ref(), 3)
        .noted(&done("b.c", Action::Restart, 3), None, 3);
    assert_eq!(CarriedOut::parse(memory.as_str()), Ok(memory.clone()));
    assert_eq!(CarriedOut::parse(""), Ok(CarriedOut::default()));
    let later = CarriedOut::parse("a:0123456789abcdef:3:app-1:more:of-it").expect("a later version wrote it");
    assert_eq!(entries(later.as_str()).filter_map(read).count(), 1);
    for line in [
        "a",
        "a:0123456789abcdef",
        "a:0123456789abcdef:3",
        "A:0123456789abcdef::",
        "a:hash::",
        "a:0123456789abcdef:x:",
    ] {
        let error = CarriedOut::parse(&format!("b:0123456789abcdef::,{line}")).expect_err(line);
        assert!(error.contains(line), "{error}");
    }
}

#[test]
fn a_revision_that_would_break_the_line_is_not_remembered() {
    for name in ["a,b", "a:b"] {
        let memory = CarriedOut::default().noted(&done("a", Action::Create, 3), revision(name).as_ref(), 3);
        assert_eq!(memory.find(&done("a", Action::Create, 3)).and_then(|found| found.revision), None);
    }
}

fn done(name: &str, action: Action, replicas: i64) -> Flow {
    ended(name, action, replicas, Verdict::Succeeded)
}

fn ended(name: &str, action: Action, replicas: i64, verdict: Verdict) -> Flow {
    let draft = Draft {
        action: action.as_str().into(),
        app_name: "shop".into(),
        instance_name: "shop".into(),
        replicas: (action != Action::Stop).then_some(replicas),
        template: Some(serde_json::json!({ "spec": { "containers": [{ "name": "shop" }] } })),
        ..Draft::default()
    };
    let (spec, orders) = draft.parse().expect("a good draft");
    let id = FlowId { namespace: "default".parse().expect("a name"), name: name.parse().expect("a name") };
    let progress = Progress::Finished { verdict, at: Timestamp::default() };
    Flow { id, uid: "flow".parse().expect("a uid"), spec, orders, progress }
}

fn revision(name: &str) -> Option<Revision> {
    Revision::new(name).ok()
}
