//! What a gate found, and the signed form in which it is kept.

use std::fmt;
use std::str::FromStr;

use cortex_types::{TenantId, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::SigningKey;
use crate::RegistryError;

/// One evaluation of a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReportId(pub Uuid);

impl fmt::Display for ReportId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl FromStr for ReportId {
    type Err = RegistryError;
    fn from_str(text: &str) -> Result<Self, RegistryError> {
        Uuid::parse_str(text)
            .map(Self)
            .map_err(|_| RegistryError::Invalid(format!("'{text}' is not the id of a gate report: it is a UUID")))
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    Passed,
    Failed,
}

/// What a check that is not passed means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    Warn,
    Fail,
}

/// One thing that was looked at.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateCheck {
    /// `subject:what`, such as `roc_auc:incumbent`, `drift:spend:sum_30d` or `fairness:country`.
    pub name: String,
    pub passed: bool,
    pub severity: Severity,
    /// Absent where the figure could not be computed, which never passes as a figure.
    pub observed: Option<f64>,
    pub threshold: Option<f64>,
    /// For people: what was compared, and how sure it is.
    pub detail: String,
}

/// What exactly was scored, by SHA-256.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Digests {
    pub onnx: String,
    pub incumbent_onnx: Option<String>,
    pub evaluation: String,
    pub policy: String,
}

/// What the gate found for one version that asks for one alias.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GateReport {
    pub id: ReportId,
    pub tenant: TenantId,
    pub model: String,
    pub version: u32,
    pub alias: String,
    /// The version that had the alias at the time; the report is void once another has it.
    pub incumbent: Option<u32>,
    pub verdict: Verdict,
    pub checks: Vec<GateCheck>,
    pub evidence: Digests,
    /// Rows that were scored.
    pub rows: usize,
    pub computed_at: Timestamp,
}

impl GateReport {
    #[must_use]
    pub fn passed(&self) -> bool {
        self.verdict == Verdict::Passed
    }

    /// Names of the checks that keep the gate shut.
    #[must_use]
    pub fn failed_checks(&self) -> Vec<&str> {
        let shuts = |check: &&GateCheck| !check.passed && check.severity == Severity::Fail;
        self.checks
            .iter()
            .filter(shuts)
            .map(|check| check.name.as_str())
            .collect()
    }

    /// A gate is passed when no check of severity `fail` is not.
    #[must_use]
    pub fn verdict(checks: &[GateCheck]) -> Verdict {
        let shut = checks.is_empty()
            || checks
                .iter()
                .any(|check| !check.passed && check.severity == Severity::Fail);
        if shut { Verdict::Failed } else { Verdict::Passed }
    }
}

/// A report as it is stored: its exact text and the signature over it. The columns beside it serve only to find it; what
/// counts is inside the text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignedReport {
    pub id: ReportId,
    pub model: String,
    pub version: u32,
    pub alias: String,
    pub computed_at: Timestamp,
    /// The report's JSON, byte for byte as it was signed.
    pub payload: String,
    /// HMAC-SHA256 of the payload, lower-case hex.
    pub signature: String,
}

impl SignedReport {
    pub fn seal(report: &GateReport, key: &SigningKey) -> Result<Self, RegistryError> {
        let payload = serde_json::to_string(report)
            .map_err(|error| RegistryError::Internal(format!("a gate report could not be written: {error}")))?;
        Ok(Self {
            id: report.id,
            model: report.model.clone(),
            version: report.version,
            alias: report.alias.clone(),
            computed_at: report.computed_at,
            signature: key.sign(payload.as_bytes()),
            payload,
        })
    }

    /// The report, if it is one that this server signed.
    #[must_use]
    pub fn open(&self, key: &SigningKey) -> Option<GateReport> {
        if !key.verify(self.payload.as_bytes(), &self.signature) {
            return None;
        }
        serde_json::from_str(&self.payload).ok()
    }
}
