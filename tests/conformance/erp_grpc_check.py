"""Asks a running server's ERP over gRPC through the unmodified `grpcio`, by nothing but what its reflection says, and exits
non-zero on the first answer that is not the one of HTTP.

    pip install grpcio protobuf
    python erp_grpc_check.py --http 127.0.0.1:8000 --grpc 127.0.0.1:8001

The books must be empty: it makes a customer, an order, and what follows until it is paid.
"""

import argparse
import json
import sys
import urllib.request

import grpc
from google.protobuf import descriptor_pb2, descriptor_pool, json_format, message_factory

SERVICE = "cortex.erp.v1.ErpService"
REFLECTION = "grpc.reflection.v1"


class Failed(Exception):
    pass


def expect(condition, what):
    if not condition:
        raise Failed(what)


def reflection_messages():
    """As much of grpc/reflection/v1/reflection.proto as is asked here."""
    field = descriptor_pb2.FieldDescriptorProto
    file = descriptor_pb2.FileDescriptorProto(name="reflection.proto", package=REFLECTION, syntax="proto3")

    def message(name, *fields):
        made = file.message_type.add(name=name)
        for number, label, kind, type_name in fields:
            made.field.add(
                name=kind, number=number, label=label, type=field.TYPE_MESSAGE if type_name else field.TYPE_STRING,
                type_name=type_name and f".{REFLECTION}.{type_name}",
            )
        return made

    one, many = field.LABEL_OPTIONAL, field.LABEL_REPEATED
    asked = ((3, "file_by_filename"), (4, "file_containing_symbol"), (7, "list_services"))
    message("ServerReflectionRequest", *[(number, one, name, None) for number, name in asked])
    message("ServiceResponse", (1, one, "name", None))
    message("ListServiceResponse", (1, many, "service", "ServiceResponse"))
    message("FileDescriptorResponse").field.add(
        name="file_descriptor_proto", number=1, label=many, type=field.TYPE_BYTES
    )
    message(
        "ServerReflectionResponse",
        (4, one, "file_descriptor_response", "FileDescriptorResponse"),
        (6, one, "list_services_response", "ListServiceResponse"),
    )
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    names = ("ServerReflectionRequest", "ServerReflectionResponse")
    return [message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{REFLECTION}.{name}")) for name in names]


def reflected(channel):
    """The service, as the server describes it."""
    request, response = reflection_messages()
    stream = channel.stream_stream(
        f"/{REFLECTION}.ServerReflection/ServerReflectionInfo",
        request_serializer=request.SerializeToString,
        response_deserializer=response.FromString,
    )

    def ask(**question):
        return next(stream(iter([request(**question)])))

    names = [service.name for service in ask(list_services="*").list_services_response.service]
    expect(SERVICE in names, f"reflection lists {names}")
    pool, known = descriptor_pool.DescriptorPool(), set()

    def add(answer):
        for text in answer.file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(text)
            for name in file.dependency:
                if name not in known:
                    add(ask(file_by_filename=name))
            pool.Add(file)
            known.add(file.name)

    add(ask(file_containing_symbol=SERVICE))
    return pool.FindServiceByName(SERVICE)


class Erp:
    def __init__(self, channel, address, token):
        self.channel, self.address, self.token = channel, address, token
        self.service = reflected(channel)

    def call(self, rpc, **fields):
        """Of JSON, so that nothing here knows a message."""
        method = self.service.methods_by_name[rpc]
        request = message_factory.GetMessageClass(method.input_type)()
        json_format.ParseDict(fields, request)
        call = self.channel.unary_unary(
            f"/{SERVICE}/{rpc}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=message_factory.GetMessageClass(method.output_type).FromString,
        )
        metadata = [("authorization", f"Bearer {self.token}")] if self.token else []
        answer, call = call.with_call(request, metadata=metadata)
        self.metadata = dict(call.initial_metadata())
        return json_format.MessageToDict(answer, preserving_proto_field_name=True)

    def refused(self, rpc, **fields):
        """Status, stable code and message of a call that must fail; `None` where it does not."""
        try:
            self.call(rpc, **fields)
        except grpc.RpcError as error:
            trailing = dict(error.trailing_metadata()) | dict(error.initial_metadata() or [])
            return error.code(), trailing.get("cortex-error-code"), error.details()
        return None

    def http(self, path):
        request = urllib.request.Request(f"http://{self.address}/erp/v1/{path}")
        if self.token:
            request.add_header("authorization", f"Bearer {self.token}")
        with urllib.request.urlopen(request) as response:
            return json.load(response)


def without_nothing(value):
    """Without nulls, empty lists, and what proto3 leaves out of JSON where it is empty."""
    if isinstance(value, dict):
        kept = {name: without_nothing(item) for name, item in value.items()}
        return {name: item for name, item in kept.items() if item not in (None, [], "", False, 0)}
    if isinstance(value, list):
        return [without_nothing(item) for item in value]
    return value


def check_every_rpc(erp):
    """Each is served: what an empty request is refused for is said in a code of ours."""
    expect(len(erp.service.methods) > 130, f"{len(erp.service.methods)} rpcs")
    for method in erp.service.methods:
        refused = erp.refused(method.name)
        bad = (grpc.StatusCode.UNIMPLEMENTED, grpc.StatusCode.INTERNAL, grpc.StatusCode.UNKNOWN)
        expect(refused is None or refused[0] not in bad and refused[1], f"{method.name}: {refused}")


def check_order_to_cash(erp):
    erp.call("CreateParty", idempotency_key="c", code="C1", kind="customer", country="France", name="Ada Lovelace")
    again = erp.call("CreateParty", idempotency_key="c", code="C1", kind="customer", country="France", name="Ada Lovelace")
    expect(again["repeated"], f"a repeated command: {again}")
    erp.call("CreateParty", idempotency_key="s", code="S1", kind="supplier", country="France")
    erp.call("CreateProduct", idempotency_key="p", code="MUG", kind="goods", list_price="3.00")
    line = {"product": "MUG", "quantity": "10", "value": "12.50"}
    erp.call("PostPurchaseReceipt", idempotency_key="r", supplier="S1", lines=[line])
    order = erp.call("PlaceSalesOrder", idempotency_key="o", customer="C1", lines=[{"product": "MUG", "quantity": "4"}])
    erp.call("PostDelivery", idempotency_key="d", order=order["number"])
    invoice = erp.call("PostInvoice", idempotency_key="i", customer="C1", order=order["number"])
    expect(invoice["amount"] == "12.00", f"the invoice: {invoice}")
    settles = {"items": [{"number": invoice["number"]}]}
    payment = {"party": "C1", "direction": "in", "amount": "12.00", "settles": settles}
    payment = erp.call("PostPayment", idempotency_key="m", **payment)
    numbers = [order["number"], invoice["number"], payment["number"]]
    reads = ["GetSalesOrder sales-orders", "GetInvoice sales-invoices", "GetPayment payments"]
    for read, number in zip(reads, numbers):
        rpc, path = read.split()
        same(erp, rpc, f"{path}/{number}", number=number)


def check_reads(erp):
    for rpc, path in [
        ("GetParty", "parties/C1"),
        ("GetProduct", "products/MUG"),
        ("ListInvoices", "sales-invoices"),
        ("ListOpenItems", "open-items"),
        ("ListStockOnHand", "reports/stock-on-hand"),
        ("GetTrialBalance", "reports/trial-balance"),
        ("GetProfitAndLoss", "reports/profit-and-loss"),
        ("ListJournalEntries", "journal-entries"),
        ("ListUnits", "units"),
    ]:
        named = {"code": path.split("/")[1]} if rpc in ("GetParty", "GetProduct") else {}
        same(erp, rpc, path, **named)


def same(erp, rpc, path, **fields):
    over_grpc, over_http = without_nothing(erp.call(rpc, **fields)), without_nothing(erp.http(path))
    expect(over_grpc and over_grpc == over_http, f"{rpc} answers {over_grpc}, and {path} {over_http}")


def check_drafts(erp):
    body = {"customer": "C1", "lines": [{"product": "MUG", "quantity": "2"}]}
    draft = erp.call("CreateDraft", collection="sales-invoices", body=body)
    expect(draft["body"] == body and erp.metadata["etag"] == '"1"', f"the draft: {draft}, {erp.metadata}")
    stale = erp.refused("ReplaceDraft", collection="sales-invoices", id=draft["id"], if_match='"9"', body=body)
    expect(stale and stale[1] == "version-mismatch", f"another version: {stale}")
    posted = erp.call("PostDraft", collection="sales-invoices", number=draft["id"], if_match=erp.metadata["etag"])
    expect(posted["amount"] == "6.00", f"the draft as posted: {posted}")


def check_refusals(erp):
    invoice = {"customer": "C1", "lines": [{"product": "MUG", "quantity": "ten"}]}
    for fields, code, begins in [
        (invoice, "invalid-argument", "idempotency_key: "),
        ({"idempotency_key": "x"} | invoice, "invalid-argument", "lines[0].quantity"),
    ]:
        refused = erp.refused("PostInvoice", **fields)
        expect(refused and refused[1] == code and begins in refused[2], f"{fields}: {refused}")
    nobody = erp.refused("GetParty", code="nobody")
    expect(nobody and nobody[:2] == (grpc.StatusCode.NOT_FOUND, "not-found"), f"nobody: {nobody}")


def check_files(erp):
    exported = erp.call("ExportCollection", collection="products")
    expect(exported["media_type"].startswith("text/csv"), f"an export: {exported}")
    imported = erp.call("ImportCollection", idempotency_key="f", collection="products", file=exported["file"])
    expect(imported["unchanged"] == "1", f"what was exported, imported: {imported}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--http", required=True, help="host:port")
    parser.add_argument("--grpc", required=True, help="host:port")
    parser.add_argument("--token", help="bearer token of an admin, where the server asks for one")
    args = parser.parse_args()
    steps = [check_every_rpc, check_order_to_cash, check_reads, check_drafts, check_refusals, check_files]
    with grpc.insecure_channel(args.grpc) as channel:
        erp = Erp(channel, args.http, args.token)
        for step in steps:
            name = step.__name__.removeprefix("check_").replace("_", " ")
            try:
                step(erp)
            except (Failed, grpc.RpcError) as error:
                print(f"FAILED {name}: {error}", file=sys.stderr)
                return 1
            print(f"ok     {name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
