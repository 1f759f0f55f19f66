#include "CSentencePiece.h"

#include <sentencepiece_processor.h>

#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>
#include <vector>

struct CSPModel {
  sentencepiece::SentencePieceProcessor processor;
};

namespace {

constexpr std::string_view kSpace = "\xe2\x96\x81";

// malloc, not new: the caller releases with csp_free. NULL if memory is short.
char *copy(std::string_view text) {
  char *bytes = static_cast<char *>(std::malloc(text.size() + 1));
  if (bytes == nullptr) return nullptr;
  std::memcpy(bytes, text.data(), text.size());
  bytes[text.size()] = '\0';
  return bytes;
}

// Runs body, which returns a message (empty: all is well). Exceptions become messages.
template <typename Body>
bool guarded(char **error, Body body) noexcept {
  try {
    const std::string message = body();
    if (message.empty()) return true;
    *error = copy(message);
  } catch (const std::exception &exception) {
    *error = copy(exception.what());
  } catch (...) {
    *error = copy("an exception that is no std::exception");
  }
  return false;
}

// The message of a status; never empty for a failure.
std::string message(const sentencepiece::util::Status &status) {
  return status.ok() ? std::string() : status.ToString();
}

// What a piece stands for in the normalised text: a byte piece for one byte, any other for itself.
std::string_view normalized(const sentencepiece::SentencePieceProcessor &processor, int id, const std::string &piece,
                            char *byte) {
  if (!processor.IsByte(id)) return piece;
  *byte = static_cast<char>(std::stoi(piece.substr(3, 2), nullptr, 16));  // <0xE4>
  return std::string_view(byte, 1);
}

}  // namespace

extern "C" CSPModel *csp_model_create(const void *bytes, size_t length, char **error) {
  CSPModel *model = nullptr;
  const bool loaded = guarded(error, [&] {
    model = new CSPModel();
    return message(model->processor.LoadFromSerializedProto(std::string_view(static_cast<const char *>(bytes), length)));
  });
  if (loaded) return model;
  csp_model_destroy(model);
  return nullptr;
}

extern "C" void csp_model_destroy(CSPModel *model) {
  try {
    delete model;
  } catch (...) {
  }
}

extern "C" int32_t csp_piece_count(const CSPModel *model) { return model->processor.GetPieceSize(); }

extern "C" const char *csp_piece_text(const CSPModel *model, int32_t id, size_t *length) {
  try {
    if (id < 0 || id >= model->processor.GetPieceSize()) return nullptr;
    const std::string &piece = model->processor.IdToPiece(id);
    *length = piece.size();
    return piece.data();
  } catch (...) {
    return nullptr;
  }
}

extern "C" int32_t csp_piece_id(const CSPModel *model, const char *text, size_t length) {
  try {
    return model->processor.PieceToId(std::string_view(text, length));
  } catch (...) {
    return model->processor.unk_id();
  }
}

extern "C" int32_t csp_unknown_id(const CSPModel *model) { return model->processor.unk_id(); }

extern "C" bool csp_encode(const CSPModel *model, const char *text, size_t length, CSPEncoding *encoding, char **error) {
  *encoding = CSPEncoding{nullptr, 0, nullptr, 0};
  const bool encoded = guarded(error, [&]() -> std::string {
    const auto &processor = model->processor;
    sentencepiece::ImmutableSentencePieceText found;
    const auto status = processor.Encode(std::string_view(text, length), found.mutable_proto());
    if (!status.ok()) return message(status);

    const size_t count = found.pieces_size();
    if (count == 0) return {};
    encoding->pieces = static_cast<CSPPiece *>(std::malloc(count * sizeof(CSPPiece)));
    if (encoding->pieces == nullptr) return "no memory for " + std::to_string(count) + " pieces";
    std::string whole;
    whole.reserve(length + length / 2);
    for (size_t i = 0; i < count; i += 1) {
      const auto piece = found.pieces(static_cast<int>(i));
      const int id = static_cast<int>(piece.id());
      char byte = 0;
      const std::string_view part = normalized(processor, id, piece.piece(), &byte);
      whole += part;
      encoding->pieces[i] = CSPPiece{id, static_cast<uint32_t>(part.size()), piece.begin(), piece.end()};
    }
    encoding->normalized = copy(whole);
    if (encoding->normalized == nullptr) return "no memory for the normalised text";
    encoding->count = count;
    encoding->length = whole.size();
    return {};
  });
  if (!encoded) csp_encoding_free(encoding);
  return encoded;
}

extern "C" void csp_encoding_free(CSPEncoding *encoding) {
  std::free(encoding->pieces);
  std::free(encoding->normalized);
  *encoding = CSPEncoding{nullptr, 0, nullptr, 0};
}

extern "C" bool csp_decode(const CSPModel *model, const int32_t *ids, size_t count, char **text, size_t *length,
                           char **error) {
  *text = nullptr;
  *length = 0;
  return guarded(error, [&]() -> std::string {
    const std::vector<int> pieces(ids, ids + count);
    std::string decoded;
    const auto status = model->processor.Decode(pieces, &decoded);
    if (!status.ok()) return message(status);
    *text = copy(decoded);
    *length = decoded.size();
    return *text == nullptr ? "no memory for the decoded text" : std::string();
  });
}

extern "C" void csp_free(void *pointer) { std::free(pointer); }
