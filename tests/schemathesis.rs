//! The REST door against its own description: schemathesis calls every operation with all sorts of input, and
//! every answer must be one that the description knows. Watches are left out: they need not end.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::{Command, Output},
};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use triton_tests::{operator::Operator, plane::free_port};

/// What schemathesis is and needs, with versions.
const REQUIREMENTS: &str = include_str!("schemathesis/requirements.txt");
/// Names that most calls are about: those of the flow and the instance that there are.
const NAMED: &str = include_str!("schemathesis/named.toml");
/// What is checked of every answer.
const CHECKS: &str = "not_a_server_error,status_code_conformance,content_type_conformance,\
    response_schema_conformance,allow_header_conformance";
/// Calls per operation and run, beside those that try each rule of the description once.
const EXAMPLES: &str = "10";
/// Flow, instance and workload that the calls find.
const NAME: &str = "12122-sample-10010";

#[tokio::test]
async fn every_answer_of_the_rest_door_is_one_that_its_description_knows() {
    let folder = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join("schemathesis");
    fs::create_dir_all(&folder).expect("a folder under target");
    let checker = match installed(&folder) {
        Ok(checker) => checker,
        Err(reason) if env::var("CI").is_ok_and(|ci| ci == "true") => panic!("{reason}"),
        Err(reason) => return println!("schemathesis was not run: {reason}"),
    };
    let port = free_port();
    let mut operator = Operator::standalone(&[env!("CARGO_BIN_EXE_operator")], &folder, free_port(), port)
        .expect("it starts");
    operator.ready().await.expect("it is ready");
    let made = post(port, "deployflows", &flow()).await;
    assert!(made.starts_with("HTTP/1.1 201"), "{made}");

    for (names, config, phases) in [("found", NAMED, "coverage,fuzzing"), ("any", "", "fuzzing")] {
        let output = run(&checker, &folder, (names, config), phases, port);
        let told = String::from_utf8_lossy(&output.stdout);
        let failed = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{names}: {told}\n{failed}\n{}", operator.tail(20));
        operator.alive().expect("it lives");
    }
}

/// Calls everything; `config` is a configuration of schemathesis.
fn run(checker: &Path, folder: &Path, (names, config): (&str, &str), phases: &str, port: u16) -> Output {
    let file = folder.join(names).with_extension("toml");
    fs::write(&file, config).expect("a file under target");
    Command::new(checker)
        .arg(format!("--config-file={}", file.display()))
        .args(["run", &format!("http://127.0.0.1:{port}/api/v1/openapi.json")])
        .args(["--checks", CHECKS, "--exclude-path-regex", "/watch$"])
        .args(["--phases", phases, "--max-examples", EXAMPLES, "--generation-deterministic", "--no-shrink"])
        .args(["--request-timeout=10", "--warnings=off", "--no-color", "--suppress-health-check=all"])
        .current_dir(folder)
        .output()
        .expect("schemathesis starts")
}

/// The program, installed on first use; else why not.
fn installed(folder: &Path) -> Result<PathBuf, String> {
    let python = |args: &[&str]| succeeds(Command::new("python3").args(args).current_dir(folder));
    python(&["--version"]).map_err(|error| format!("python3: {error}"))?;
    let (venv, program) = (folder.join("venv"), folder.join("venv/bin/schemathesis"));
    let (wanted, has) = (folder.join("requirements.txt"), folder.join("venv/requirements.txt"));
    if fs::read_to_string(&has).is_ok_and(|has| has == REQUIREMENTS) {
        return Ok(program);
    }
    fs::write(&wanted, REQUIREMENTS).map_err(|error| error.to_string())?;
    python(&["-m", "venv", "--clear", "venv"]).map_err(|error| format!("python3 -m venv: {error}"))?;
    let mut pip = Command::new(venv.join("bin/pip"));
    pip.args(["install", "--quiet", "--disable-pip-version-check", "--requirement"]).arg(&wanted);
    succeeds(&mut pip).map_err(|error| format!("pip install: {error}"))?;
    fs::copy(&wanted, &has).map_err(|error| error.to_string())?;
    Ok(program)
}

fn succeeds(command: &mut Command) -> Result<(), String> {
    let output = command.output().map_err(|error| error.to_string())?;
    let errors = String::from_utf8_lossy(&output.stderr);
    output.status.success().then_some(()).ok_or_else(|| errors.lines().last().unwrap_or_default().to_owned())
}

/// A flow that waits for a person, so that orders find something to do.
fn flow() -> Value {
    let container = json!({ "name": "web", "image": "nginx:latest" });
    json!({
        "name": NAME,
        "applicationSpec": {
            "appID": 12122, "groupID": 10010, "appName": "deploy-demo-hello", "instanceName": NAME,
            "replicas": 3, "template": { "metadata": {}, "spec": { "containers": [container] } },
        },
        "updateStrategy": { "canary": 1, "batchSize": 1 },
    })
}

async fn post(port: u16, list: &str, body: &Value) -> String {
    let body = body.to_string();
    let head =
        format!("POST /api/v1/namespaces/default/{list} HTTP/1.1\r\nhost: localhost\r\nconnection: close");
    let length = body.len();
    let request =
        format!("{head}\r\ncontent-type: application/json\r\ncontent-length: {length}\r\n\r\n{body}");
    let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("REST is served");
    stream.write_all(request.as_bytes()).await.expect("it reads");
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.expect("it answers");
    answer
}
