//! What the routes refuse, in the words of a message: the code is the same, and so is the field.

use cortex_types::Problem;
use tonic::Status;

use super::operations::{Argument, Place};

/// What stands before and behind the reason where JSON does not fit: the caller sent none.
const OF_JSON: &str = "the JSON body does not fit: ";
const PLACE_IN_JSON: &str = " at line ";

pub(super) fn refusal(mut problem: Problem, arguments: &[Argument]) -> Status {
    problem.detail = in_words_of_messages(&problem.detail, arguments);
    cortex_proto::refused(&problem)
}

fn in_words_of_messages(detail: &str, arguments: &[Argument]) -> String {
    if let Some(reason) = detail.strip_prefix(OF_JSON) {
        let reason = reason.rsplit_once(PLACE_IN_JSON).map_or(reason, |(reason, _)| reason);
        return format!("the message does not fit: {reason}");
    }
    let headers = arguments.iter().filter(|argument| argument.place == Place::Header);
    let named = headers.filter_map(|header| {
        let rest = detail
            .strip_prefix(header.name.as_str())
            .filter(|rest| rest.starts_with(':'))?;
        Some(format!("{}{rest}", header.field))
    });
    named.into_iter().next().unwrap_or_else(|| detail.to_owned())
}
