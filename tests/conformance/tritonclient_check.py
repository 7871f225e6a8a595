"""Asks a running server through the unmodified `tritonclient`, over HTTP and over gRPC, and exits non-zero on the first
answer that is not what the Open Inference Protocol promises.

    pip install "tritonclient[all]" numpy
    python tritonclient_check.py --http 127.0.0.1:8000 --grpc 127.0.0.1:8001 --model repurchase-30d

The model takes `features` FP64 [-1, n] and gives `score` FP64 [-1, 1]. `--echo NAME` names a model that passes one
tensor of every datatype through (the server of the example `serve_fixtures` has one), for the conversions; it needs
`pip install ml_dtypes` besides.
"""

import argparse
import asyncio
import queue
import sys

import numpy as np
import tritonclient.grpc as grpc_client
import tritonclient.http as http_client
import tritonclient.http.aio as http_aio
from tritonclient.utils import InferenceServerException, np_to_triton_dtype


class Failed(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failed(what)


def refused(call, *statuses):
    """The call fails with one of these statuses and a message."""
    try:
        call()
    except InferenceServerException as error:
        status = str(error.status())
        expect(status in statuses, f"status {status} where one of {statuses} was expected: {error}")
        expect(len(error.message() or "") > 5, f"no message with status {status}")
        return error.message()
    raise Failed(f"a call that must fail with {statuses} succeeded")


class Over:
    """One transport of the client, with what differs between the two evened out."""

    def __init__(self, name, module, address, headers):
        self.name, self.module, self._headers = name, module, headers
        self.client = module.InferenceServerClient(url=address)
        self.bad = {"http": ("400",), "grpc": ("StatusCode.INVALID_ARGUMENT",)}[name]
        self.unknown = {"http": ("404",), "grpc": ("StatusCode.NOT_FOUND",)}[name]
        self.unsupported = {"http": ("400",), "grpc": ("StatusCode.UNIMPLEMENTED", "StatusCode.INVALID_ARGUMENT")}[name]

    @property
    def headers(self):
        # a copy each time: the client writes into the headers it is given
        return dict(self._headers)

    def call(self, method, *args, **kwargs):
        if self.name == "grpc" and method.startswith("get_"):
            kwargs.setdefault("as_json", True)
        return getattr(self.client, method)(*args, headers=self.headers, **kwargs)

    def tensor(self, name, values, datatype=None):
        tensor = self.module.InferInput(name, list(values.shape), datatype or np_to_triton_dtype(values.dtype))
        tensor.set_data_from_numpy(values)
        return tensor

    def infer(self, model, inputs, **kwargs):
        return self.client.infer(model, inputs, headers=self.headers, **kwargs)


def check_server(over):
    expect(over.call("is_server_live"), "the server is not live")
    expect(over.call("is_server_ready"), "the server is not ready")
    metadata = over.call("get_server_metadata")
    expect(metadata["name"] == "cortex", f"server metadata: {metadata}")
    for extension in ("binary_tensor_data", "statistics", "model_repository", "model_configuration"):
        expect(extension in metadata["extensions"], f"extension {extension} is not listed")


def check_model(over, model):
    expect(over.call("is_model_ready", model), f"{model} is not ready")
    expect(not over.call("is_model_ready", "no-such-model"), "a model that is not there is ready")
    metadata = over.call("get_model_metadata", model)
    expect(metadata["name"] == model and metadata["versions"], f"model metadata: {metadata}")
    (features,) = metadata["inputs"]
    shape = [int(size) for size in features["shape"]]
    expect(features["name"] == "features" and features["datatype"] == "FP64", f"inputs: {features}")
    expect(len(shape) == 2 and shape[0] == -1, f"shape of features: {shape}")

    config = over.call("get_model_config", model)
    config = config.get("config", config)
    expect(config["name"] == model and int(config.get("max_batch_size", 0)) == 0, f"config: {config}")
    expect(config["input"][0]["data_type"] == "TYPE_FP64", f"config's input: {config['input']}")

    index = over.call("get_model_repository_index")
    index = index["models"] if isinstance(index, dict) else index
    entry = [entry for entry in index if entry["name"] == model and entry.get("state") == "READY"]
    expect(entry, f"{model} is not READY in the index: {index}")
    return metadata["versions"], shape[1]


def check_inference(over, model, versions, width):
    rows = np.random.default_rng(7).random((5, width))
    rows[1, 0] = np.nan
    before = statistics(over, model)
    first = over.infer(model, [over.tensor("features", rows)], request_id="check-1")
    scores = first.as_numpy("score")
    expect(scores.shape == (5, 1) and scores.dtype == np.float64, f"score is {scores.dtype} {scores.shape}")
    expect(np.isfinite(scores).all(), f"scores: {scores}")
    response = first.get_response()
    answered = response["model_version"] if over.name == "http" else response.model_version
    identifier = response["id"] if over.name == "http" else response.id
    expect(answered in versions and identifier == "check-1", f"version {answered}, id {identifier}")

    requested = over.module.InferRequestedOutput("score")
    named = over.infer(model, [over.tensor("features", rows)], outputs=[requested], model_version=answered)
    expect(np.array_equal(named.as_numpy("score"), scores), "the same rows gave other scores by version and output")
    one_by_one = [over.infer(model, [over.tensor("features", row[None, :])]).as_numpy("score")[0] for row in rows]
    expect(np.array_equal(np.array(one_by_one), scores), "a row's score depends on its batch")
    gained = statistics(over, model) - before
    expect(gained == 15, f"statistics counted {gained} rows of 15")
    return scores


def statistics(over, model):
    stats = over.call("get_inference_statistics", model)["model_stats"]
    return sum(int(version.get("inference_count", 0)) for version in stats)


def check_refusals(over, model, width):
    right = np.zeros((1, width))
    message = refused(lambda: over.infer(model, [over.tensor("features", np.zeros((1, width + 1)))]), *over.bad)
    expect(str(width) in message, f"the message does not name the shape: {message}")
    refused(lambda: over.infer(model, [over.tensor("features", np.zeros(width))]), *over.bad)
    message = refused(lambda: over.infer(model, [over.tensor("features", right.astype(np.float32))]), *over.bad)
    expect("FP64" in message, f"the message does not name the type: {message}")
    refused(lambda: over.infer(model, [over.tensor("nothing", right)]), *over.bad)
    refused(lambda: over.infer(model, []), *over.bad)
    unknown_output = [over.module.InferRequestedOutput("nothing")]
    refused(lambda: over.infer(model, [over.tensor("features", right)], outputs=unknown_output), *over.bad)
    refused(lambda: over.infer("no-such-model", [over.tensor("features", right)]), *over.unknown)
    refused(lambda: over.infer(model, [over.tensor("features", right)], model_version="999"), *over.unknown)
    refused(lambda: over.call("get_model_metadata", "no-such-model"), *over.unknown)
    refused(lambda: over.call("get_inference_statistics", "no-such-model"), *over.unknown)


def check_the_rest(over):
    over.call("get_system_shared_memory_status")
    over.call("get_cuda_shared_memory_status")
    over.call("unregister_system_shared_memory")
    refused(lambda: over.call("register_system_shared_memory", "region", "/key", 64), *over.unsupported)
    over.call("get_log_settings")
    over.call("get_trace_settings")
    refused(lambda: over.call("update_log_settings", {"log_info": False}), *over.unsupported)


def echo_inputs():
    import ml_dtypes  # the client takes BF16 in no other form

    return {
        "BOOL": np.array([[True, False]]),
        "UINT8": np.array([[0, 255]], np.uint8),
        "UINT16": np.array([[0, 65535]], np.uint16),
        "UINT32": np.array([[0, 2**32 - 1]], np.uint32),
        "UINT64": np.array([[0, 2**64 - 1]], np.uint64),
        "INT8": np.array([[-128, 127]], np.int8),
        "INT16": np.array([[-32768, 32767]], np.int16),
        "INT32": np.array([[-(2**31), 2**31 - 1]], np.int32),
        "INT64": np.array([[-(2**63), 2**63 - 1]], np.int64),
        "FP16": np.array([[0.5, -65504.0]], np.float16),
        "FP32": np.array([[0.1, np.nan]], np.float32),
        "FP64": np.array([[0.1, -np.inf]], np.float64),
        "BF16": np.array([[0.5, -2.0]], ml_dtypes.bfloat16),
        "BYTES": np.array([["größer", ""]], dtype=np.object_),
    }


def check_echo(over, model, binary):
    values = echo_inputs()
    inputs = []
    for datatype, array in values.items():
        tensor = over.module.InferInput(f"in_{datatype}", list(array.shape), datatype)
        raw_only = datatype in ("FP16", "BF16") or array.dtype.kind == "f"  # JSON has neither NaN nor infinity
        if over.name == "http":
            tensor.set_data_from_numpy(array, binary_data=binary or raw_only)
        else:
            tensor.set_data_from_numpy(array)
        inputs.append(tensor)
    names = [f"out_{datatype}" for datatype in values]
    if over.name == "http":
        outputs = [over.module.InferRequestedOutput(name, binary_data=binary or "BF16" in name) for name in names]
    else:
        outputs = [over.module.InferRequestedOutput(name) for name in names]
    result = over.infer(model, inputs, outputs=outputs)
    for datatype, array in values.items():
        answer = result.as_numpy(f"out_{datatype}")
        if datatype == "BYTES":
            texts = [item.decode() if isinstance(item, bytes) else item for item in answer.flatten()]
            expect(texts == ["größer", ""], f"BYTES came back as {texts}")
        elif datatype.startswith("FP") and not binary:
            close = np.allclose(np.nan_to_num(answer.astype(np.float64)[:, :1]), np.nan_to_num(array[:, :1]))
            expect(close, f"{datatype} came back as {answer}")
        else:
            same = np.array_equal(answer, array, equal_nan=array.dtype.kind == "f") and answer.dtype == array.dtype
            expect(same, f"{datatype} came back as {answer}, not {array}")


def check_compression(over, model, width):
    rows = [over.tensor("features", np.zeros((1, width)))]
    for algorithm in ("gzip", "deflate"):
        result = over.infer(model, rows, request_compression_algorithm=algorithm, response_compression_algorithm=algorithm)
        expect(result.as_numpy("score").shape == (1, 1), f"{algorithm} did not come back")


def check_stream(over, model, width):
    answers = queue.Queue()
    over.client.start_stream(callback=lambda result, error: answers.put((result, error)), headers=over.headers)
    over.client.async_stream_infer(model, [over.tensor("features", np.zeros((2, width)))], request_id="good")
    over.client.async_stream_infer(model, [over.tensor("features", np.zeros((2, width + 1)))], request_id="bad")
    over.client.async_stream_infer(model, [over.tensor("features", np.zeros((3, width)))], request_id="after")
    got = [answers.get(timeout=30) for _ in range(3)]
    over.client.stop_stream()
    expect(got[0][0] is not None and got[0][0].as_numpy("score").shape == (2, 1), f"first of the stream: {got[0]}")
    expect(got[1][1] is not None, "the bad request of the stream succeeded")
    expect(got[2][0] is not None and got[2][0].as_numpy("score").shape == (3, 1), f"last of the stream: {got[2]}")


def check_load_and_unload(over, model, width):
    rows = [over.tensor("features", np.zeros((1, width)))]
    over.client.unload_model(model, headers=over.headers)
    try:
        expect(not over.call("is_model_ready", model), f"{model} is ready though it was unloaded")
        refused(lambda: over.infer(model, rows), "503", "StatusCode.UNAVAILABLE")
    finally:
        over.client.load_model(model, headers=over.headers)
    expect(over.infer(model, rows).as_numpy("score").shape == (1, 1), "the model does not answer after loading")


async def check_many_at_once(address, model, width, headers):
    client = http_aio.InferenceServerClient(address)
    try:
        tensor = http_aio.InferInput("features", [1, width], "FP64")
        tensor.set_data_from_numpy(np.zeros((1, width)))
        results = await asyncio.gather(*[client.infer(model, [tensor], headers=dict(headers)) for _ in range(64)])
        expect(len({float(result.as_numpy("score")[0, 0]) for result in results}) == 1, "64 equal requests differ")
    finally:
        await client.close()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--http", required=True, help="host:port")
    parser.add_argument("--grpc", required=True, help="host:port")
    parser.add_argument("--model", required=True)
    parser.add_argument("--echo", help="a model that passes one tensor of every datatype through")
    parser.add_argument("--token", help="bearer token of an admin, where the server asks for one")
    args = parser.parse_args()
    headers = {"authorization": f"Bearer {args.token}"} if args.token else {}

    checks = 0
    answers = {}
    for over in (Over("http", http_client, args.http, headers), Over("grpc", grpc_client, args.grpc, headers)):
        steps = [("server", lambda: check_server(over))]

        def model_steps():
            versions, width = check_model(over, args.model)
            answers[over.name] = check_inference(over, args.model, versions, width)
            check_refusals(over, args.model, width)
            check_load_and_unload(over, args.model, width)
            if over.name == "http":
                check_compression(over, args.model, width)
                asyncio.run(check_many_at_once(args.http, args.model, width, headers))
            else:
                check_stream(over, args.model, width)

        steps += [("model", model_steps), ("the rest", lambda: check_the_rest(over))]
        if args.echo:
            steps.append(("datatypes, binary", lambda: check_echo(over, args.echo, True)))
            if over.name == "http":
                steps.append(("datatypes, JSON", lambda: check_echo(over, args.echo, False)))
        for name, step in steps:
            try:
                step()
            except (Failed, InferenceServerException) as error:
                print(f"FAILED {over.name}, {name}: {error}", file=sys.stderr)
                return 1
            checks += 1
            print(f"ok     {over.name}, {name}")
        over.client.close()
    if not np.array_equal(answers["http"], answers["grpc"]):
        print("FAILED: HTTP and gRPC give different scores for the same rows", file=sys.stderr)
        return 1
    print(f"{checks} groups of checks passed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
