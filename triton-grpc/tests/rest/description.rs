//! The description of the REST door says what there is, all of it and nothing else.

use std::collections::BTreeSet;

use serde_json::{Map, Value};
use triton_grpc::rest::{Config, openapi};

use crate::http;
use crate::stub::Stub;

const METHODS: [&str; 6] = ["GET", "POST", "PUT", "PATCH", "DELETE", "TRACE"];

#[tokio::test]
async fn every_described_call_is_served_and_no_other_on_its_path() {
    let (_, served) = Stub::serve(Config::default()).await;
    let described = described();
    let mut calls = 0;
    for (path, item) in described["paths"].as_object().unwrap() {
        let real = path.replace("{namespace}", "default").replace("{name}", "df");
        for method in METHODS {
            let known = item.get(method.to_lowercase()).is_some();
            let answer = http::send(served.address, method, &real, &[], None).await;
            assert_eq!(answer.status() != 405, known, "{method} {path}");
            assert_ne!(answer.status(), 404, "{method} {path}");
            calls += usize::from(known);
        }
    }
    assert_eq!(calls, operations(&described).count());
}

#[tokio::test]
async fn no_call_leaves_out_in_silence_what_it_does_not_take() {
    let (stub, served) = Stub::serve(Config::default()).await;
    let described = described();
    for (path, item) in described["paths"].as_object().unwrap() {
        let real = path.replace("{namespace}", "default").replace("{name}", "df");
        for method in METHODS.into_iter().filter(|method| item.get(method.to_lowercase()).is_some()) {
            let call = format!("{method} {path}");
            let reply = served.ask(method, &format!("{real}?noSuch=1"), None).await;
            assert_eq!(reply.http, 400, "{call}: {}", reply.text);
            assert!(reply.msg().starts_with("noSuch: "), "{call}: {}", reply.text);
            if item[method.to_lowercase()].get("requestBody").is_some() {
                continue;
            }
            let large = " ".repeat(2 << 10);
            for body in [r#"{"a": 1}"#, "[]", "false", "a", "{", large.as_str()] {
                let reply = http::ask(served.address, method, &real, &[], Some(body.into())).await;
                assert_eq!(reply.http, 400, "{call} {body}: {}", reply.text);
                assert!(reply.msg().starts_with("body: "), "{call} {body}: {}", reply.text);
            }
            assert_eq!(stub.asked(), Vec::<String>::new(), "{call} reached the API");
            for body in ["{}", " { } ", "null", "\n"] {
                let answer = http::send(served.address, method, &real, &[], Some(body.into())).await;
                assert!(answer.status().is_success(), "{call} {body}: {}", answer.status());
            }
            stub.asked();
        }
    }
}

#[test]
fn every_handler_is_described() {
    let sources = [
        include_str!("../../src/rest/flows.rs"),
        include_str!("../../src/rest/instances.rs"),
        include_str!("../../src/rest/lifecycle.rs"),
        include_str!("../../src/rest/orders.rs"),
        include_str!("../../src/rest/page.rs"),
        include_str!("../../src/rest/watch.rs"),
    ];
    let handlers: usize = sources.iter().map(|text| text.matches("#[utoipa::path(").count()).sum();
    assert_eq!(operations(&described()).count(), handlers);
    // Beside them: the page over the description, at three addresses.
    let root = include_str!("../../src/rest.rs");
    assert_eq!((root.matches(".route(").count(), root.matches(".routes(").count()), (0, handlers - 3));
    assert_eq!(sources.iter().map(|text| text.matches(".route(").count()).sum::<usize>(), 3);
}

#[test]
fn every_path_of_the_original_is_there() {
    let described = described();
    for (method, path) in [
        ("get", "/api/v1/namespaces/{namespace}/deployflows"),
        ("post", "/api/v1/namespaces/{namespace}/deployflows"),
        ("get", "/api/v1/namespaces/{namespace}/deployflows/{name}"),
        ("patch", "/api/v1/namespaces/{namespace}/deployflows/{name}"),
        ("delete", "/api/v1/namespaces/{namespace}/deployflows/{name}"),
        ("post", "/api/v1/namespaces/{namespace}/instances/{name}/rollbacks"),
        ("post", "/api/v1/namespaces/{namespace}/instances/{name}/restarts"),
        ("post", "/api/v1/namespaces/{namespace}/instances/{name}/scales"),
        ("get", "/api/v1/namespaces/{namespace}/instances"),
        ("get", "/api/v1/namespaces/{namespace}/instances/{name}"),
        ("delete", "/api/v1/namespaces/{namespace}/instances/{name}"),
    ] {
        assert!(described["paths"][path][method].is_object(), "{method} {path}");
    }
}

#[test]
fn the_document_is_openapi_3_1_with_unique_names_and_no_dangling_reference() {
    let described = described();
    assert_eq!(described["openapi"], "3.1.0");
    let names: Vec<&str> =
        operations(&described).map(|(_, it)| it["operationId"].as_str().unwrap()).collect();
    assert_eq!(names.iter().collect::<BTreeSet<_>>().len(), names.len(), "{names:?}");
    references(&described, &mut |reference| {
        let pointer = reference.strip_prefix('#').expect("a reference into the document");
        assert!(described.pointer(pointer).is_some(), "{reference}");
    });
    for (path, operation) in operations(&described) {
        assert!(operation["summary"].as_str().is_some_and(|text| !text.is_empty()), "{path}");
        let answers = operation["responses"].as_object().unwrap();
        let errors = answers.iter().filter(|(code, _)| code.as_str() >= "400");
        for (code, answer) in errors {
            let schema = &answer["content"]["application/json"]["schema"]["$ref"];
            assert_eq!(schema, "#/components/schemas/Failure", "{code} of {path}");
        }
        let wanted: &[&str] = if operation.get("requestBody").is_some() {
            &["400", "403", "404", "409", "413", "415", "429", "500", "503"]
        } else {
            &["400", "403", "429", "500", "503"]
        };
        assert!(wanted.iter().all(|code| answers.contains_key(*code)), "{path}");
    }
}

#[tokio::test]
async fn the_document_is_served_and_so_is_a_page_that_needs_nothing_else() {
    let (_, served) = Stub::serve(Config::default()).await;
    let reply = served.ask("GET", "/api/v1/openapi.json", None).await;
    assert_eq!((reply.http, reply.json()), (200, described()));
    let page = served.ask("GET", "/api/v1/docs", None).await;
    assert_eq!((page.http, &page.headers["location"]), (308, &"/api/v1/docs/".parse().unwrap()));
    let page = served.ask("GET", "/api/v1/docs/", None).await;
    assert_eq!((page.http, &page.headers["content-type"]), (200, &"text/html".parse().unwrap()));
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.starts_with("default-src 'none'") && !policy.contains("http"), "{policy}");
    let sources = page.text.split(['"', '\'']).filter(|word| word.contains("./") || word.contains("//"));
    let mut files = 0;
    for source in sources {
        let file = source.trim_start_matches("./");
        assert!(!source.contains("//"), "{source}");
        let reply = served.ask("GET", &format!("/api/v1/docs/{file}"), None).await;
        assert_eq!(reply.http, 200, "{file}");
        files += 1;
    }
    assert!(files >= 3, "{}", page.text);
    let start = served.ask("GET", "/api/v1/docs/swagger-initializer.js", None).await.text;
    assert!(
        start.contains("\"/api/v1/openapi.json\"") && start.contains("\"validatorUrl\": \"none\""),
        "{start}"
    );
    assert!(!start.contains("http"), "{start}");
}

fn described() -> Value {
    serde_json::from_str(&openapi()).unwrap()
}

fn operations(described: &Value) -> impl Iterator<Item = (&String, &Map<String, Value>)> {
    let items = described["paths"].as_object().unwrap().iter();
    items.flat_map(|(path, item)| {
        let verbs = item.as_object().unwrap().iter();
        let verbs = verbs.filter(|(verb, _)| METHODS.contains(&verb.to_uppercase().as_str()));
        verbs.map(move |(_, operation)| (path, operation.as_object().unwrap()))
    })
}

fn references(value: &Value, found: &mut impl FnMut(&str)) {
    match value {
        Value::Object(map) => {
            if let Some(reference) = map.get("$ref").and_then(Value::as_str) {
                found(reference);
            }
            map.values().for_each(|value| references(value, found));
        }
        Value::Array(items) => items.iter().for_each(|value| references(value, found)),
        _ => {}
    }
}
