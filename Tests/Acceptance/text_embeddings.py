"""Calls a running adapter-server with a client of text-embeddings-inference."""
import sys

from tei_client import HttpClient
from tei_client.models import ModelType

url = sys.argv[1]
client = HttpClient(f"{url}/a/debian-section")
assert client.health()
info = client.info()
assert info.server_model_type == ModelType.Classifier and info.server_model_id == "debian-section"
labels = set(info.server_model_metadata.id2label.values())
scores = client.classify("a library for reading pdf files")[0].scores
assert {one.label for one in scores} == labels
assert [one.score for one in scores] == sorted((one.score for one in scores), reverse=True)
tokens = client.tokenize("a library")[0].tokens
assert tokens[0].special and not tokens[1].special
base = HttpClient(f"{url}/a/deberta-v3-tiny-en")
assert base.info().server_model_type == ModelType.Embedding
vectors = base.embed(["a library", "a game"])
assert len(vectors) == 2 and len(vectors[0]) > 8 and vectors[0] != vectors[1]
print("agrees: tei client")
