//! The binary in a folder of its own, and a server of it.

use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};

use serde_json::Value;

/// A folder of its own: configuration, data, and no variables of whoever runs the tests.
pub struct Place {
    pub folder: tempfile::TempDir,
}

impl Place {
    pub fn new() -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
        }
    }

    pub fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    pub fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cortex"));
        command
            .current_dir(self.folder.path())
            .env_clear()
            .args(args)
            .arg("--data")
            .arg(self.data());
        for kept in ["ORT_DYLIB_PATH", "HOME", "TMPDIR"] {
            if let Some(value) = std::env::var_os(kept) {
                command.env(kept, value);
            }
        }
        command
    }

    pub fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    pub fn said(&self, args: &[&str]) -> String {
        let output = self.run(args);
        assert!(output.status.success(), "{args:?}: {}", text(&output.stderr));
        text(&output.stdout)
    }

    /// `cortex up` on free ports.
    pub fn up(&self, variables: &[(&str, &str)]) -> Server {
        let mut command = self.command(&["up", "--http", "127.0.0.1:0", "--grpc", "127.0.0.1:0"]);
        command
            .envs(variables.iter().copied())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        Server::wait_until_up(command.spawn().unwrap())
    }
}

pub fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// A running server; killed with the test.
pub struct Server {
    process: Child,
    http: String,
    log: BufReader<ChildStderr>,
    /// What was logged until it was up.
    pub boot: Vec<Value>,
}

impl Server {
    fn wait_until_up(mut process: Child) -> Self {
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut boot = Vec::new();
        loop {
            let mut line = String::new();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended: {boot:?}");
            let Ok(event) = serde_json::from_str::<Value>(&line) else {
                panic!("no JSON: {line}")
            };
            let http = event["http"].as_str().map(|addr| format!("http://{addr}"));
            boot.push(event);
            if let Some(http) = http {
                return Self {
                    process,
                    http,
                    log,
                    boot,
                };
            }
        }
    }

    pub async fn get(&self, path: &str, headers: &[(&str, &str)]) -> (u16, Value) {
        let mut request = reqwest::Client::new().get(format!("{}{path}", self.http));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let body = response.text().await.unwrap();
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }

    pub async fn post(&self, path: &str, body: Value) -> (u16, Value) {
        let key = format!("test-{path}-{}", body["code"].as_str().unwrap_or_default());
        let request = reqwest::Client::new()
            .post(format!("{}{path}", self.http))
            .header("idempotency-key", key);
        let response = request.json(&body).send().await.unwrap();
        (response.status().as_u16(), response.json().await.unwrap())
    }

    /// Sends the signal and gives the exit code and the rest of the log.
    pub fn stop(mut self, signal: &str) -> (Option<i32>, String) {
        let sent = Command::new("kill")
            .args([signal, &self.process.id().to_string()])
            .status()
            .unwrap();
        assert!(sent.success());
        let mut log = String::new();
        self.log.read_to_string(&mut log).unwrap();
        (self.process.wait().unwrap().code(), log)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ended_already = self.process.kill();
    }
}

/// Every file below `folder`, with its content.
pub fn files(folder: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let Ok(entries) = std::fs::read_dir(folder) else {
        return Vec::new();
    };
    let mut found: Vec<_> = entries
        .map(|entry| entry.unwrap().path())
        .flat_map(|path| {
            if path.is_dir() {
                files(&path)
            } else {
                vec![(path.clone(), std::fs::read(&path).unwrap())]
            }
        })
        .collect();
    found.sort();
    found
}
