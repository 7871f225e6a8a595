//! The published protocol in our OpenAPI document: where what is, and how it is refused. What its bodies hold is for the
//! protocol's own documents.

use cortex_types::ErrorCode;
use serde_json::json;
use utoipa::openapi::path::{Operation, OperationBuilder, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::{
    ContentBuilder, HeaderBuilder, HttpMethod, ObjectBuilder, OpenApi, OpenApiBuilder, PathItem, Paths, PathsBuilder,
    Required, Response, ResponseBuilder, Type,
};

use crate::error::ERROR_CODE;

const TAG: &str = "inference";

/// What a call sends beyond its path.
#[derive(Clone, Copy)]
enum Sends {
    Nothing,
    /// A JSON object; the server takes the call without one as well.
    Settings,
    Tensors,
}

type Route = (HttpMethod, &'static str, Sends, &'static str);

use HttpMethod::{Get, Post};
use Sends::{Nothing, Settings, Tensors};

const ROUTES: [Route; 21] = [
    (Get, "/v2", Nothing, "What the server is, and which extensions it has"),
    (Get, "/v2/health/live", Nothing, "Whether the server is alive"),
    (Get, "/v2/health/ready", Nothing, "Whether the server is ready"),
    (
        Get,
        "/v2/models/{model}",
        Nothing,
        "A model's inputs, outputs and versions",
    ),
    (
        Get,
        "/v2/models/{model}/versions/{version}",
        Nothing,
        "The same of one version",
    ),
    (
        Get,
        "/v2/models/{model}/ready",
        Nothing,
        "Whether a model answers; one that is not loaded yet is loaded",
    ),
    (
        Get,
        "/v2/models/{model}/versions/{version}/ready",
        Nothing,
        "The same of one version",
    ),
    (Get, "/v2/models/{model}/config", Nothing, "A model's configuration"),
    (
        Get,
        "/v2/models/{model}/versions/{version}/config",
        Nothing,
        "The same of one version",
    ),
    (
        Get,
        "/v2/models/{model}/stats",
        Nothing,
        "How often a model was asked, and how long it took",
    ),
    (
        Get,
        "/v2/models/{model}/versions/{version}/stats",
        Nothing,
        "The same of one version",
    ),
    (Get, "/v2/models/stats", Nothing, "The same of every model"),
    (
        Post,
        "/v2/models/{model}/infer",
        Tensors,
        "Tensors in, tensors out, by the champion or its canary",
    ),
    (
        Post,
        "/v2/models/{model}/versions/{version}/infer",
        Tensors,
        "The same by one version",
    ),
    (
        Post,
        "/v2/repository/index",
        Settings,
        "The models there are, and which are loaded",
    ),
    (
        Post,
        "/v2/repository/models/{model}/load",
        Settings,
        "Loads a model as the registry has it",
    ),
    (
        Post,
        "/v2/repository/models/{model}/unload",
        Nothing,
        "Refuses a model until it is loaded again",
    ),
    (
        Get,
        "/v2/logging",
        Nothing,
        "No settings: logging is configured for the whole process",
    ),
    (
        Get,
        "/v2/trace/setting",
        Nothing,
        "No settings: tracing is configured for the whole process",
    ),
    (
        Get,
        "/v2/systemsharedmemory/status",
        Nothing,
        "No regions: tensors travel in the request",
    ),
    (
        Get,
        "/v2/cudasharedmemory/status",
        Nothing,
        "No regions: tensors travel in the request",
    ),
];

pub fn openapi() -> OpenApi {
    let paths = ROUTES.into_iter().fold(PathsBuilder::new(), |paths, route| {
        let path = route.1;
        let (method, operation) = described(route);
        paths.path(path, PathItem::new(method, operation))
    });
    let paths: Paths = paths.build();
    OpenApiBuilder::new().paths(paths).build()
}

fn described((method, path, sends, summary): Route) -> (HttpMethod, Operation) {
    let mut operation = OperationBuilder::new()
        .tag(TAG)
        .summary(Some(summary))
        .response("200", answer())
        .response("401", refusal("No token, or one that nobody knows or that has expired"))
        .response(
            "403",
            refusal("The token's roles do not allow it, or it is another tenant's"),
        );
    for (name, about) in [
        ("model", "Name of the registered model, such as repurchase-30d"),
        ("version", "A number: 1, 2, 3, …"),
    ] {
        if path.contains(&format!("{{{name}}}")) {
            operation = operation.parameter(
                ParameterBuilder::new()
                    .name(name)
                    .parameter_in(ParameterIn::Path)
                    .required(Required::True)
                    .description(Some(about))
                    .schema(Some(ObjectBuilder::new().schema_type(Type::String))),
            );
            operation = operation.response("404", refusal("No such model or version"));
        }
    }
    match sends {
        Nothing => {}
        Settings => operation = operation.request_body(Some(body("Optional", Required::False).build())),
        Tensors => {
            let about = "As the Open Inference Protocol has it: `inputs`, each with name, datatype, shape and data. With \
                         the header inference-header-content-length, binary tensors follow the JSON; gzip and deflate \
                         are unpacked";
            operation = operation
                .request_body(Some(body(about, Required::True).build()))
                .response("400", refusal("Tensors that the model does not take"))
                .response("413", refusal("A larger body than is taken, as it came or unpacked"))
                .response("503", refusal("No champion yet, not loaded, or overloaded"));
        }
    }
    (method, operation.build())
}

fn object() -> ContentBuilder {
    ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::Object)))
}

fn body(about: &str, required: Required) -> RequestBodyBuilder {
    RequestBodyBuilder::new()
        .description(Some(about))
        .required(Some(required))
        .content("application/json", object().build())
}

fn answer() -> Response {
    ResponseBuilder::new().description("As the protocol has it").build()
}

/// The protocol's form has no place for the stable code, so it stands beside.
fn refusal(about: &str) -> Response {
    let example = json!({ "error": "there is no model 'nope' here" });
    let code = HeaderBuilder::new()
        .description(Some(format!("The stable code, such as {}", ErrorCode::UnknownModel)))
        .schema(Some(ObjectBuilder::new().schema_type(Type::String)));
    ResponseBuilder::new()
        .description(about)
        .content("application/json", object().example(Some(example)).build())
        .header(ERROR_CODE, code.build())
        .build()
}
