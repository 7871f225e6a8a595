//! `erp.proto` is what the OpenAPI document says, in another language. `CORTEX_GOLDENS=write` writes it anew.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::Path;

use prost_reflect::{DescriptorPool, FieldDescriptor, Kind as Wire, MessageDescriptor};

use crate::grpc::SERVICE;
use crate::grpc::messages::{Field, Kind, Label, Message};
use crate::grpc::operations::{Contract, Operation};

const FILE: &str = "../../proto/protos/cortex/erp/v1/erp.proto";
const WRITE: &str = "CORTEX_GOLDENS";
const WIDTH: usize = 120;

const HEAD: &str = "\
// The ERP: every operation of its HTTP API, as docs/grpc.md tells.
//
// Generated from the OpenAPI document; what changes there is written here by
// `CORTEX_GOLDENS=write cargo test -p cortex-erp-api erp_proto`. A field keeps its number for good: what is gone is reserved.
//
// Amounts, quantities and rates are decimal texts, such as \"15.30\"; times are RFC 3339, from 1900 on and before 2200.
syntax = \"proto3\";

package cortex.erp.v1;

import \"google/protobuf/struct.proto\";

// A command takes an idempotency key: the same key with the same request returns the first answer again, with another
// request it fails with `idempotency-conflict`.
service ErpService {
";

#[test]
fn erp_proto_is_what_the_http_api_is() {
    let contract = Contract::of_openapi();
    assert!(contract.problems.is_empty(), "{}", contract.problems.join("\n"));
    let pool = DescriptorPool::decode(cortex_proto::FILE_DESCRIPTOR_SET).unwrap();
    let written = described(&contract, &pool);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(FILE);
    if std::env::var(WRITE).is_ok_and(|value| value == "write") {
        std::fs::write(&path, &written).unwrap();
        return;
    }
    let committed = std::fs::read_to_string(&path).unwrap();
    let other = committed
        .lines()
        .zip(written.lines())
        .position(|(committed, written)| committed != written);
    let line = other.unwrap_or_else(|| committed.lines().count().min(written.lines().count()));
    assert!(
        committed == written,
        "line {} of erp.proto is\n{}\nand would be\n{}\nby the HTTP API: run this test with {WRITE}=write and commit the file",
        line + 1,
        committed.lines().nth(line).unwrap_or_default(),
        written.lines().nth(line).unwrap_or_default(),
    );
}

fn described(contract: &Contract, pool: &DescriptorPool) -> String {
    let mut text = HEAD.to_owned();
    for (index, operation) in contract.operations.iter().enumerate() {
        if index > 0 {
            text.push('\n');
        }
        rpc(&mut text, operation);
    }
    text.push_str("}\n");
    let package = SERVICE.rsplit_once('.').unwrap().0;
    for (name, of) in contract.own.iter().chain(&contract.shared) {
        let committed = pool.get_message_by_name(&format!("{package}.{name}"));
        message(&mut text, name, of, committed.as_ref());
    }
    text
}

fn rpc(text: &mut String, operation: &Operation) {
    let place = format!("{} {}", operation.method, operation.path);
    comment(text, "  ", &operation.comment);
    if !operation.comment.is_empty() {
        text.push_str("  //\n");
    }
    comment(text, "  ", &place);
    let Operation {
        rpc, request, response, ..
    } = operation;
    writeln!(text, "  rpc {rpc}({request}) returns ({response});").unwrap();
}

fn message(text: &mut String, name: &str, of: &Message, committed: Option<&MessageDescriptor>) {
    text.push('\n');
    comment(text, "", &of.comment);
    let numbers = Numbers::of(&of.fields, committed);
    if numbers.fields.is_empty() && numbers.reserved.is_empty() {
        writeln!(text, "message {name} {{}}").unwrap();
        return;
    }
    writeln!(text, "message {name} {{").unwrap();
    if !numbers.reserved.is_empty() {
        let gone: Vec<String> = numbers.reserved.iter().map(u32::to_string).collect();
        writeln!(text, "  reserved {};", gone.join(", ")).unwrap();
    }
    if !numbers.reserved_names.is_empty() {
        let gone: Vec<String> = numbers
            .reserved_names
            .iter()
            .map(|name| format!("\"{name}\""))
            .collect();
        writeln!(text, "  reserved {};", gone.join(", ")).unwrap();
    }
    for (number, field) in &numbers.fields {
        comment(text, "  ", &field.comment);
        let is_message = matches!(field.kind, Kind::Message(_) | Kind::Struct | Kind::Value);
        let optional = if field.label == Label::Optional && !is_message {
            "optional "
        } else {
            ""
        };
        writeln!(text, "  {optional}{} {} = {number};", type_of(field), field.name).unwrap();
    }
    text.push_str("}\n");
}

fn comment(text: &mut String, indent: &str, about: &str) {
    let words = about.lines().flat_map(|line| line.split_whitespace());
    let mut line = String::new();
    let flush = |line: &mut String, text: &mut String| {
        if !line.is_empty() {
            writeln!(text, "{indent}//{line}").unwrap();
            line.clear();
        }
    };
    for word in words {
        if indent.len() + 2 + line.chars().count() + 1 + word.chars().count() > WIDTH {
            flush(&mut line, text);
        }
        line.push(' ');
        line.push_str(word);
    }
    flush(&mut line, text);
}

fn type_of(field: &Field) -> String {
    let of = match &field.kind {
        Kind::Text => "string",
        Kind::Boolean => "bool",
        Kind::Double => "double",
        Kind::Int32 => "int32",
        Kind::Uint32 => "uint32",
        Kind::Int64 => "int64",
        Kind::Uint64 => "uint64",
        Kind::Bytes => "bytes",
        Kind::Struct => "google.protobuf.Struct",
        Kind::Value => "google.protobuf.Value",
        Kind::Message(name) => name,
    };
    match field.label {
        Label::Many { .. } => format!("repeated {of}"),
        Label::Map => format!("map<string, {of}>"),
        Label::Needed | Label::Optional => of.to_owned(),
    }
}

fn committed_type(field: &FieldDescriptor) -> String {
    let name = |kind: Wire| match kind {
        Wire::Message(message) => message.full_name().replace("cortex.erp.v1.", ""),
        Wire::String => "string".to_owned(),
        Wire::Bool => "bool".to_owned(),
        Wire::Double => "double".to_owned(),
        Wire::Int32 => "int32".to_owned(),
        Wire::Uint32 => "uint32".to_owned(),
        Wire::Int64 => "int64".to_owned(),
        Wire::Uint64 => "uint64".to_owned(),
        Wire::Bytes => "bytes".to_owned(),
        other => format!("{other:?}"),
    };
    match field.kind() {
        Wire::Message(entry) if field.is_map() => {
            format!("map<string, {}>", name(entry.map_entry_value_field().kind()))
        }
        kind if field.is_list() => format!("repeated {}", name(kind)),
        kind => name(kind),
    }
}

/// A field has the number that it was committed with; a new one, or one of another type, has one that was never used.
struct Numbers<'f> {
    fields: Vec<(u32, &'f Field)>,
    reserved: BTreeSet<u32>,
    reserved_names: BTreeSet<String>,
}

impl<'f> Numbers<'f> {
    fn of(fields: &'f [Field], committed: Option<&MessageDescriptor>) -> Self {
        let known = |field: &Field| {
            let known = committed?.get_field_by_name(&field.name)?;
            (committed_type(&known) == type_of(field)).then(|| known.number())
        };
        let used = committed.into_iter().flat_map(MessageDescriptor::fields);
        let used: BTreeSet<u32> = used.map(|field| field.number()).collect();
        let gone = committed
            .into_iter()
            .flat_map(MessageDescriptor::reserved_ranges)
            .flatten();
        let mut reserved: BTreeSet<u32> = gone.collect();
        let mut next = used.iter().chain(&reserved).max().copied().unwrap_or_default();
        let mut numbered: Vec<(u32, &Field)> = fields
            .iter()
            .map(|field| {
                let number = known(field).unwrap_or_else(|| {
                    next += 1;
                    next
                });
                (number, field)
            })
            .collect();
        numbered.sort_by_key(|(number, _)| *number);
        reserved.extend(
            used.iter()
                .filter(|number| numbered.iter().all(|(taken, _)| taken != *number)),
        );
        let before = committed
            .into_iter()
            .flat_map(MessageDescriptor::reserved_names)
            .map(str::to_owned);
        let left = committed
            .into_iter()
            .flat_map(MessageDescriptor::fields)
            .map(|field| field.name().to_owned());
        let there = |name: &String| fields.iter().any(|field| field.name == *name);
        Self {
            reserved_names: before.chain(left).filter(|name| !there(name)).collect(),
            fields: numbered,
            reserved,
        }
    }
}

#[test]
fn a_field_keeps_its_number_and_what_is_gone_is_reserved() {
    use prost_types::{
        DescriptorProto, FieldDescriptorProto, FileDescriptorProto, FileDescriptorSet, descriptor_proto::ReservedRange,
        field_descriptor_proto::Type,
    };
    let committed_field = |name: &str, number, of: Type| FieldDescriptorProto {
        name: Some(name.to_owned()),
        number: Some(number),
        r#type: Some(of.into()),
        ..Default::default()
    };
    let committed = DescriptorProto {
        name: Some("Invoice".into()),
        field: vec![
            committed_field("number", 1, Type::String),
            committed_field("memo", 2, Type::String),
            committed_field("days", 5, Type::Uint32),
        ],
        reserved_range: vec![ReservedRange {
            start: Some(3),
            end: Some(4),
        }],
        reserved_name: vec!["place".into(), "note".into()],
        ..Default::default()
    };
    let file = FileDescriptorProto {
        name: Some("committed.proto".into()),
        message_type: vec![committed],
        syntax: Some("proto3".into()),
        ..Default::default()
    };
    let pool = DescriptorPool::from_file_descriptor_set(FileDescriptorSet { file: vec![file] }).unwrap();
    let text = |name: &str| Field {
        name: name.to_owned(),
        kind: Kind::Text,
        label: Label::Needed,
        comment: String::new(),
    };
    let fields = ["place", "days", "number"].map(text);
    let numbers = Numbers::of(&fields, pool.get_message_by_name("Invoice").as_ref());
    let numbered: Vec<(u32, &str)> = numbers
        .fields
        .iter()
        .map(|(number, field)| (*number, &*field.name))
        .collect();
    // Days are texts now, and a place is back: both are other fields than those that callers know.
    assert_eq!(numbered, [(1, "number"), (6, "place"), (7, "days")]);
    assert_eq!(numbers.reserved.into_iter().collect::<Vec<_>>(), [2, 3, 5]);
    assert_eq!(numbers.reserved_names.into_iter().collect::<Vec<_>>(), ["memo", "note"]);
}

#[test]
fn what_no_message_can_say_is_told_with_its_operation() {
    let answer = serde_json::json!({ "200": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/MugView" } } } } });
    let get = |id: &str| serde_json::json!({ "get": { "operationId": id, "responses": answer } });
    let body = serde_json::json!({ "properties": { "code": { "type": "string" } }, "type": "object" });
    let twice = serde_json::json!({ "put": {
        "operationId": "define_mug", "responses": answer,
        "parameters": [{ "name": "code", "in": "path", "required": true, "schema": { "type": "string" } }],
        "requestBody": { "content": { "application/json": { "schema": body } } },
    } });
    let document = serde_json::json!({
        "paths": { "/mugs": get("get_mug"), "/mugs/{code}": twice, "/pots": get("get_mug") },
        "components": { "schemas": {
            "MugView": { "type": "object", "properties": { "size": { "oneOf": [{ "type": "string" }, { "type": "integer" }] } } },
        } },
    });
    let contract = Contract::of(&serde_json::from_value(document).unwrap());
    let told = contract.problems.join("\n");
    assert_eq!(contract.problems.len(), 3, "{told}");
    for part in [
        "GET /pots: GET /mugs is 'get_mug' as well",
        "PUT /mugs/{code}: a parameter and a field of the body have the same name",
        "MugView has a schema that no message can be made of",
    ] {
        assert!(told.contains(part), "{told}");
    }
}
