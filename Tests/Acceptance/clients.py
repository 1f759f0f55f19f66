"""Calls a running adapter-server as users of known clients do, and compares with the program's own answers."""
import json
import subprocess
import sys

import numpy as np
import openai
import tritonclient.http as triton
import urllib.request
from huggingface_hub import InferenceClient
from prometheus_client.parser import text_string_to_metric_families

url, program, token = sys.argv[1:4]
TEXTS = ["a library for reading pdf files", "linux kernel from germany"]


def predicted(setup, texts=TEXTS):
    lines = subprocess.run(
        [program, "predict", "--json", "--scores", "--setup", setup, "--format", "text"],
        input="\n".join(texts), capture_output=True, text=True, check=True).stdout.splitlines()
    return [json.loads(line)["heads"] for line in lines]


def near(one, other):
    assert abs(one - other) < 2e-6, (one, other)


def client(name):
    return InferenceClient(model=f"{url}/a/{name}")


def classification():
    for name in ("debian-section", "wordnet-domain", "debian-facets"):
        for text, heads in zip(TEXTS, predicted(name)):
            scores = heads[name]["scores"]
            found = client(name).text_classification(text)
            assert {one.label for one in found} == set(scores), name
            for one in found:
                near(one.score, scores[one.label])
    assert len(client("debian-section").text_classification(TEXTS[0], top_k=3)) == 3


def tagging():
    spans = predicted("truecase")[1]["truecase"]["spans"]
    found = client("truecase").token_classification(TEXTS[1])
    assert [(one.start, one.end) for one in found] == [(one["start"], one["end"]) for one in spans if one["label"] != "O"]
    assert client("truecase").token_classification(TEXTS[1], aggregation_strategy="simple")


def base():
    filled = client("deberta-v3-tiny-en").fill_mask("a small [MASK] of words")
    assert len(filled) == 5 and filled[0].score >= filled[1].score and "[MASK]" not in filled[0].sequence
    scores = client("deberta-v3-tiny-en").sentence_similarity(TEXTS[0], other_sentences=[TEXTS[0], TEXTS[1]])
    near(scores[0], 1.0)
    vector = client("deberta-v3-tiny-en").feature_extraction(TEXTS[0], normalize=True)
    near(float(np.linalg.norm(np.asarray(vector).reshape(-1))), 1.0)


def openai_client():
    own = openai.OpenAI(base_url=f"{url}/v1", api_key=token)
    names = [model.id for model in own.models.list()]
    assert "debian-section" in names and "deberta-v3-tiny-en" in names
    one = own.embeddings.create(model="truecase", input=TEXTS)
    two = own.embeddings.create(model="truecase", input=TEXTS, encoding_format="float")
    np.testing.assert_allclose(one.data[1].embedding, two.data[1].embedding, atol=1e-6)
    try:
        own.embeddings.create(model="nobody", input="x")
        raise AssertionError("a model that is not there answered")
    except openai.NotFoundError as error:
        assert "nobody" in str(error)
    body = {"lora_name": "mine", "lora_path": "truecase"}
    assert "Success" in own.post("/load_lora_adapter", body=body, cast_to=str)
    assert "mine" in [model.id for model in own.models.list()]
    assert "Success" in own.post("/unload_lora_adapter", body={"lora_name": "mine"}, cast_to=str)


def triton_client():
    own = triton.InferenceServerClient(url=url.removeprefix("http://"))
    assert own.is_server_live() and own.is_server_ready() and own.is_model_ready("debian-section")
    assert own.get_model_metadata("debian-section")["inputs"][0]["name"] == "text"
    for binary in (True, False):
        tensor = triton.InferInput("text", [2], "BYTES")
        tensor.set_data_from_numpy(np.array([text.encode() for text in TEXTS], dtype=object), binary_data=binary)
        wanted = [triton.InferRequestedOutput(name, binary_data=binary) for name in ("scores", "label")]
        answer = own.infer("debian-section", [tensor], outputs=wanted)
        for row, heads in enumerate(predicted("debian-section")):
            label = answer.as_numpy("label")[row]
            assert (label.decode() if isinstance(label, bytes) else label) == heads["debian-section"]["label"]
            np.testing.assert_allclose(
                answer.as_numpy("scores")[row], list(heads["debian-section"]["scores"].values()), atol=2e-6)
    answer = own.infer("debian-section", [tensor])
    assert answer.as_numpy("logits").shape[0] == 2
    top = own.infer("debian-section", [tensor], outputs=[triton.InferRequestedOutput("scores", class_count=2)])
    assert top.as_numpy("scores").shape == (2, 2)
    try:
        own.infer("nobody", [tensor])
        raise AssertionError("a model that is not there answered")
    except triton.InferenceServerException as error:
        assert "nobody" in str(error)


def metrics():
    text = urllib.request.urlopen(f"{url}/metrics").read().decode()
    names = {family.name for family in text_string_to_metric_families(text)}
    assert {"te_request_duration", "te_queue_size", "ah_pass_seconds"} <= names, names


for check in (classification, tagging, base, openai_client, triton_client, metrics):
    check()
    print("agrees:", check.__name__.replace("_", " "))
