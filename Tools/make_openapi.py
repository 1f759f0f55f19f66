#!/usr/bin/env python3
"""Writes the description of adapter-server's routes: make_openapi.py > Sources/AdapterServer/Page/openapi.json

A test compares it with the routes. Errors and header parameters that many routes share are components.
"""

import copy
import json

string = {"type": "string"}
boolean = {"type": "boolean"}
integer = {"type": "integer"}
number = {"type": "number"}
array = lambda x, **k: {"type": "array", "items": x, **k}
members = lambda properties, req=(), **k: {
    "type": "object",
    "properties": properties,
    **({"required": list(req)} if req else {}),
    **k,
}
ref = lambda n: {"$ref": f"#/components/schemas/{n}"}
nullable = lambda t: {**t, "type": [t["type"], "null"]}
scored = members({"label": string, "score": number}, ["label", "score"])
schemas = {
    "TEIError": members(
        {
            "error": string,
            "error_type": {
                "type": "string",
                "enum": [
                    "Unhealthy",
                    "Backend",
                    "Overloaded",
                    "Validation",
                    "Tokenizer",
                    "Empty",
                    "NotFound",
                ],
            },
        },
        ["error", "error_type"],
    ),
    "OpenAIError": members(
        {
            "error": members(
                {"message": string, "type": string, "param": {"type": ["string", "null"]}, "code": integer},
                ["message", "type", "param", "code"],
            )
        },
        ["error"],
    ),
    "Error": members({"error": string}, ["error"]),
    "EitherError": {"anyOf": [ref("TEIError"), ref("OpenAIError")]},
    "ScoredLabel": scored,
    "Parameters": {
        "type": ["object", "null"],
        "description": "What the pipelines of Hugging Face take, by the task of the head: top_k, function_to_apply; aggregation_strategy, ignore_labels, stride; doc_stride, max_answer_len, handle_impossible_answer, align_to_words; targets; candidate_labels, multi_label, hypothesis_template.",
    },
}
schemas["Truncation"] = {"enum": ["left", "Left", "right", "Right", None]}
responses = {}
headers = {}
ERROR_SCHEMAS = {
    "both": "EitherError",
    "tei": "TEIError",
    "openai": "OpenAIError",
    "v2": "Error",
    "own": "Error",
}
DESCRIPTIONS = {
    400: "What was sent cannot be used.",
    401: "A key is needed.",
    403: "The admin token is needed.",
    404: "Nothing has this name.",
    408: "The body did not arrive in time.",
    413: "The body is too large.",
    422: "What was sent cannot be used, or path, header and body disagree.",
    424: "The model cannot do this task, or an adapter cannot be loaded.",
    429: "More waits than may, or a key has used its tokens; Retry-After has the seconds.",
    500: "The model's outputs are not finite, or an error that was not expected.",
    503: "The server is shutting down, or its registry cannot be read.",
    504: "The deadline passed first.",
}
POST_CODES = [400, 401, 404, 408, 413, 422, 424, 429, 500, 503, 504]


def operation(
    summary,
    family,
    ok,
    body=None,
    codes=None,
    kind="application/json",
    params=(),
    content=None,
    secured=True,
    tag=None,
):
    answers = {
        "200": (
            {"description": "The answer.", "content": {kind: {"schema": ok}}}
            if ok is not None
            else {"description": "Empty."}
        )
    }
    for c in (
        codes
        if codes is not None
        else (POST_CODES if body or content else ([401, 404, 422, 424, 429, 500, 503] if secured else []))
    ):
        name = ERROR_SCHEMAS[family] + str(c)
        responses[name] = {"description": DESCRIPTIONS[c]}
        if not (c == 401 and family in ("tei", "both")):
            responses[name]["content"] = {"application/json": {"schema": ref(ERROR_SCHEMAS[family])}}
        answers[str(c)] = {"$ref": "#/components/responses/" + name}
    described = {
        "summary": summary,
        "tags": [
            tag
            or {
                "both": "text-embeddings-inference and pipelines",
                "tei": "text-embeddings-inference and pipelines",
                "openai": "vLLM and OpenAI",
                "v2": "Open Inference Protocol",
                "own": "Ours",
            }[family]
        ],
        "responses": answers,
    }
    parameters = [
        {"name": n, "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
        for n in params
    ]
    if secured:
        for h, schema in {
            "x-adapter": string,
            "x-head": string,
            "x-priority": {"type": "string", "enum": ["interactive", "bulk"]},
            "x-request-timeout-ms": {"type": "integer", "minimum": 1, "maximum": 86400000},
            "x-request-id": string,
        }.items():
            headers[h] = {"name": h, "in": "header", "schema": schema}
            parameters.append({"$ref": "#/components/parameters/" + h})
        described["security"] = [{}, {"key": []}]
    if parameters:
        described["parameters"] = parameters
    if body:
        described["requestBody"] = {"required": True, "content": {"application/json": {"schema": body}}}
    if content:
        described["requestBody"] = {"required": True, "content": content}
    return described


texts = members(
    {
        "inputs": {
            "description": "A text; one or two strings for a text or a pair; or a list of lists of one or two for a batch. With 'parameters' a list of strings is a batch.",
            "oneOf": [string, array(string), array(array(string))],
        },
        "parameters": ref("Parameters"),
        "truncate": nullable(boolean),
        "truncation_direction": ref("Truncation"),
        "raw_scores": nullable(boolean),
        "model": nullable(string),
        "head": nullable(string),
    },
    ["inputs"],
)
sources = {
    "description": "A text, token ids, or a list of either.",
    "oneOf": [
        string,
        array(string, minItems=1),
        array(integer, minItems=1),
        array(array(integer, minItems=1), minItems=1),
    ],
}
anyJSON = {}
tei = {
    "predict": ("post", operation("Classifies texts", "tei", {"type": "array"}, texts)),
    "rerank": (
        "post",
        operation(
            "Ranks texts by a query; with documents in the place of texts as vLLM does",
            "both",
            anyJSON,
            members(
                {
                    "query": string,
                    "texts": array(string),
                    "documents": array(string),
                    "top_n": nullable(integer),
                    "truncate": nullable(boolean),
                    "truncation_direction": ref("Truncation"),
                    "raw_scores": nullable(boolean),
                    "return_text": nullable(boolean),
                    "model": nullable(string),
                    "head": nullable(string),
                },
                ["query"],
            ),
        ),
    ),
    "embed": (
        "post",
        operation(
            "Makes a vector of each text",
            "tei",
            array(array(number)),
            members(
                {
                    "inputs": sources,
                    "truncate": nullable(boolean),
                    "truncation_direction": ref("Truncation"),
                    "normalize": nullable(boolean),
                    "dimensions": nullable(integer),
                    "prompt_name": nullable(string),
                    "model": nullable(string),
                },
                ["inputs"],
            ),
        ),
    ),
    "embed_all": (
        "post",
        operation(
            "Makes a vector of each token",
            "tei",
            array(array(array(number))),
            members(
                {
                    "inputs": sources,
                    "truncate": nullable(boolean),
                    "truncation_direction": ref("Truncation"),
                    "prompt_name": nullable(string),
                    "model": nullable(string),
                },
                ["inputs"],
            ),
        ),
    ),
    "tokenize": (
        "post",
        operation(
            "Cuts texts into tokens",
            "tei",
            array(
                array(
                    members(
                        {
                            "id": integer,
                            "text": string,
                            "special": boolean,
                            "start": {"type": ["integer", "null"]},
                            "stop": {"type": ["integer", "null"]},
                        },
                        ["id", "text", "special", "start", "stop"],
                    )
                )
            ),
            members(
                {
                    "inputs": {"oneOf": [string, array(string)]},
                    "add_special_tokens": nullable(boolean),
                    "prompt_name": nullable(string),
                    "model": nullable(string),
                },
                ["inputs"],
            ),
        ),
    ),
    "decode": (
        "post",
        operation(
            "Joins tokens to texts",
            "tei",
            array(string),
            members(
                {
                    "ids": {"oneOf": [array(integer), array(array(integer))]},
                    "skip_special_tokens": nullable(boolean),
                    "model": nullable(string),
                },
                ["ids"],
            ),
        ),
    ),
    "info": (
        "get",
        operation(
            "Describes the model",
            "tei",
            members(
                {
                    k: {}
                    for k in "model_id model_sha model_dtype served_model_name model_type max_concurrent_requests max_input_length max_batch_tokens max_batch_requests max_client_batch_size auto_truncate tokenization_workers version sha docker_label".split()
                },
                ["model_id", "model_type"],
            ),
        ),
    ),
}
pipeline_body = members(
    {
        "inputs": {
            "description": 'A text, an object such as {"question", "context"} or {"source_sentence", "sentences"}, or a list of them.'
        },
        "parameters": ref("Parameters"),
        "model": nullable(string),
        "head": nullable(string),
        "truncate": nullable(boolean),
        "normalize": nullable(boolean),
        "dimensions": nullable(integer),
    },
    ["inputs"],
)
paths = {}


def add(path, method, described):
    paths.setdefault(path, {})[method] = copy.deepcopy(described)


def withname(described):
    described = copy.deepcopy(described)
    described.setdefault("parameters", []).insert(
        0,
        {
            "name": "name",
            "in": "path",
            "required": True,
            "schema": {"type": "string", "minLength": 1},
            "description": "An adapter, a fusion, a saved setup, the base model or a composition, percent-encoded.",
        },
    )
    return described


for k, (m, described) in tei.items():
    add("/" + k, m, described)
    add("/a/{name}/" + k, m, withname(described))
pipeline = operation(
    "Does the task of the head, as a pipeline of Hugging Face", "tei", anyJSON, pipeline_body
)
add("/", "post", pipeline)
add("/a/{name}", "post", withname(pipeline))
add("/invocations", "post", pipeline)
for h in ("health", "ping"):
    add("/" + h, "get", operation("Whether the server works", "tei", None, secured=False))
add(
    "/",
    "get",
    operation(
        "The page for browsers; an empty answer for others", "own", string, kind="text/html", secured=False
    ),
)
paths["/"]["get"]["responses"]["200"]["content"]["text/plain"] = {"schema": string}
add(
    "/page/style.css",
    "get",
    operation("The style of the page", "own", string, kind="text/css", secured=False),
)
add(
    "/page/script.js",
    "get",
    operation("The script of the page", "own", string, kind="text/javascript", secured=False),
)
add("/openapi.json", "get", operation("This file", "own", {"type": "object"}, secured=False))
add("/metrics", "get", operation("Metrics for Prometheus", "own", string, kind="text/plain", secured=False))
usage = members({"prompt_tokens": integer, "total_tokens": integer}, ["prompt_tokens", "total_tokens"])
add(
    "/v1/models",
    "get",
    operation(
        "Lists what can be named",
        "openai",
        members(
            {
                "object": {"const": "list"},
                "data": array(
                    members(
                        {
                            "id": string,
                            "object": {"const": "model"},
                            "created": integer,
                            "owned_by": string,
                            "root": string,
                            "parent": {"type": ["string", "null"]},
                            "max_model_len": integer,
                            "permission": array({}),
                        },
                        ["id", "object", "parent"],
                    )
                ),
            },
            ["object", "data"],
        ),
    ),
)
texts_or_one = {"oneOf": [string, array(string)]}
add(
    "/classify",
    "post",
    operation(
        "Classifies texts",
        "openai",
        members(
            {
                "id": string,
                "object": string,
                "created": integer,
                "model": string,
                "data": array(
                    members(
                        {"index": integer, "label": string, "probs": array(number), "num_classes": integer},
                        ["index", "label", "probs", "num_classes"],
                    )
                ),
                "usage": usage,
            },
            ["data", "usage"],
        ),
        members(
            {
                "model": nullable(string),
                "input": texts_or_one,
                "head": nullable(string),
                "add_special_tokens": nullable(boolean),
                "truncate_prompt_tokens": nullable(integer),
                "truncation_side": {"enum": ["left", "right", None]},
                "use_activation": nullable(boolean),
                "priority": nullable(integer),
                "user": nullable(string),
            },
            ["input"],
        ),
    ),
)
score = operation(
    "Scores pairs of texts",
    "openai",
    members(
        {"data": array(members({"index": integer, "object": string, "score": number}, ["index", "score"]))},
        ["data"],
    ),
    members(
        {
            "model": nullable(string),
            "text_1": texts_or_one,
            "text_2": texts_or_one,
            "queries": texts_or_one,
            "documents": texts_or_one,
            "items": texts_or_one,
            "data_1": texts_or_one,
            "data_2": texts_or_one,
            "head": nullable(string),
            "use_activation": nullable(boolean),
            "truncate_prompt_tokens": nullable(integer),
            "priority": nullable(integer),
        }
    ),
)
add("/score", "post", score)
add("/v1/score", "post", score)
rerank = operation(
    "Ranks documents by a query",
    "openai",
    members(
        {
            "id": string,
            "model": string,
            "usage": usage,
            "results": array(
                members(
                    {
                        "index": integer,
                        "document": members({"text": string}, ["text"]),
                        "relevance_score": number,
                    },
                    ["index", "relevance_score"],
                )
            ),
        },
        ["results"],
    ),
    members(
        {
            "model": nullable(string),
            "query": string,
            "documents": array(string),
            "top_n": nullable(integer),
            "head": nullable(string),
            "truncate_prompt_tokens": nullable(integer),
        },
        ["query", "documents"],
    ),
)
add("/v1/rerank", "post", rerank)
add("/v2/rerank", "post", rerank)
embeddings = operation(
    "Makes a vector of each text",
    "openai",
    members(
        {
            "object": {"const": "list"},
            "data": array(
                members(
                    {"object": string, "embedding": {"oneOf": [array(number), string]}, "index": integer},
                    ["embedding", "index"],
                )
            ),
            "model": string,
            "usage": usage,
        },
        ["data", "usage"],
    ),
    members(
        {
            "model": nullable(string),
            "input": sources,
            "encoding_format": {"enum": ["float", "base64", None]},
            "dimensions": nullable(integer),
            "user": nullable(string),
        },
        ["input"],
    ),
)
add("/v1/embeddings", "post", embeddings)
add(
    "/embeddings",
    "post",
    operation(
        "Makes a vector of each text",
        "tei",
        embeddings["responses"]["200"]["content"]["application/json"]["schema"],
        embeddings["requestBody"]["content"]["application/json"]["schema"],
    ),
)
admin_codes = [400, 401, 403, 404, 408, 413, 422, 429, 503]
load = operation(
    "Loads an adapter until the server ends; needs the admin token",
    "openai",
    string,
    members(
        {"lora_name": string, "lora_path": string, "load_inplace": nullable(boolean)},
        ["lora_name", "lora_path"],
    ),
    admin_codes,
    kind="text/plain",
)
unload = operation(
    "Unloads an adapter; needs the admin token",
    "openai",
    string,
    members({"lora_name": string, "lora_int_id": nullable(integer)}, ["lora_name"]),
    admin_codes,
    kind="text/plain",
)
add("/v1/load_lora_adapter", "post", load)
add("/v1/unload_lora_adapter", "post", unload)
tensor = members(
    {
        "name": string,
        "shape": array(integer),
        "datatype": string,
        "parameters": {"type": ["object", "null"]},
        "data": {},
    },
    ["name", "shape", "datatype"],
)
infer = members(
    {
        "id": nullable(string),
        "parameters": {"type": ["object", "null"]},
        "inputs": array(tensor),
        "outputs": nullable(
            {**array(members({"name": string, "parameters": {"type": ["object", "null"]}}, ["name"]))}
        ),
    },
    ["inputs"],
)
add(
    "/v2",
    "get",
    operation(
        "Describes the server",
        "v2",
        members(
            {"name": string, "version": string, "extensions": array(string)},
            ["name", "version", "extensions"],
        ),
    ),
)
for h in ("live", "ready"):
    add(
        "/v2/health/" + h,
        "get",
        operation("Whether the server works", "v2", {"type": "object"}, secured=False),
    )
for base, parameters in (
    ("/v2/models/{name}", ["name"]),
    ("/v2/models/{name}/versions/{version}", ["name", "version"]),
):
    add(
        base,
        "get",
        operation(
            "Describes a model",
            "v2",
            members(
                {
                    "name": string,
                    "versions": array(string),
                    "platform": string,
                    "inputs": array({}),
                    "outputs": array({}),
                },
                ["name", "platform", "inputs", "outputs"],
            ),
            params=parameters,
            codes=[400, 401, 404, 422, 429, 500, 503],
        ),
    )
    add(
        base + "/ready",
        "get",
        operation(
            "Whether a model can answer; its adapter is loaded",
            "v2",
            members({"name": string, "ready": boolean}, ["name", "ready"]),
            params=parameters,
            codes=[400, 401, 404, 422, 429, 500, 503],
        ),
    )
    add(
        base + "/infer",
        "post",
        operation(
            "Computes the outputs of a head",
            "v2",
            members({"model_name": string, "outputs": array(tensor)}, ["model_name", "outputs"]),
            infer,
            [400, 401, 404, 408, 413, 422, 429, 500, 503, 504],
            params=parameters,
        ),
    )
add(
    "/v2/repository/index",
    "post",
    operation(
        "Lists what can be named",
        "v2",
        array({"type": "object"}),
        content={"application/json": {"schema": {}}},
        codes=[401, 408, 413, 429, 503],
    ),
)
for verb, summary in (
    ("load", "Brings what a name stands for into memory; with lora_path the name stands for a folder from now on"),
    ("unload", "Frees the memory of what a name stands for, and forgets a name that was loaded from a folder"),
):
    add(
        f"/v2/repository/models/{{name}}/{verb}",
        "post",
        operation(
            summary,
            "v2",
            None,
            content={
                "application/json": {
                    "schema": {
                        "type": ["object", "null"],
                        "properties": {"parameters": {"type": ["object", "null"]}},
                    }
                }
            },
            params=["name"],
            codes=[400, 401, 403, 404, 408, 413, 422, 429, 503],
        ),
    )
add("/api/status", "get", operation("What waits", "own", {"type": "object"}))
add(
    "/api/models",
    "get",
    operation(
        "What can be named, with tasks and metrics",
        "own",
        members({"active": string, "models": array({"type": "object"})}, ["active", "models"]),
    ),
)
names = {"oneOf": [string, array(string), {"type": "null"}]}
add(
    "/api/predict",
    "post",
    operation(
        "Answers texts with all heads, as 'adapter-cli predict --json' prints",
        "own",
        members({"answers": array({"type": "object"})}, ["answers"]),
        members(
            {
                "inputs": {
                    "description": "Texts, or objects as 'adapter-cli predict' reads lines.",
                    "oneOf": [string, {"type": "object"}, array({})],
                },
                "setup": nullable(string),
                "model": nullable(string),
                "heads": names,
                "adapters": nullable(array(string)),
                "max_length": nullable(integer),
                "truncate": nullable(boolean),
                "scores": nullable(boolean),
                "top_k": nullable(integer),
                "function_to_apply": {"enum": ["softmax", "sigmoid", "none", None]},
                "threshold": nullable(number),
                "aggregation": {"enum": ["none", "simple", "first", "average", "max", None]},
                "ignore_labels": names,
                "stride": nullable(integer),
                "max_answer_length": nullable(integer),
                "no_answer": nullable(boolean),
                "no_align_to_words": nullable(boolean),
                "targets": names,
                "zero_shot": names,
                "hypothesis_template": nullable(string),
                "multi_label": nullable(boolean),
            },
            ["inputs"],
            additionalProperties=False,
        ),
        [400, 401, 404, 408, 413, 422, 429, 500, 503, 504],
    ),
)
for path, methods in paths.items():
    for m, described in methods.items():
        described["operationId"] = (m + path).replace("/", "_").replace("{", "").replace("}", "")
doc = {
    "openapi": "3.1.0",
    "info": {
        "title": "adapter-server",
        "version": "0.1.0",
        "description": "Adapters over one DeBERTa encoder, over HTTP. Answers have the headers x-adapter, x-adapter-digest and x-request-id, and times in whole milliseconds.",
    },
    "servers": [{"url": "/"}],
    "paths": dict(sorted(paths.items())),
    "components": {
        "schemas": schemas,
        "responses": dict(sorted(responses.items())),
        "parameters": headers,
        "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
    },
}
paths = doc.pop("paths")
text = json.dumps(doc, separators=(",", ":"))[:-1] + ',"paths":{\n'
text += ",\n".join(
    json.dumps(path) + ":" + json.dumps(own, separators=(",", ":")) for path, own in paths.items()
)
print(text + "}}")
