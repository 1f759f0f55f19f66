#ifndef CSENTENCEPIECE_H
#define CSENTENCEPIECE_H

// A C face of libsentencepiece: load a model from memory, encode, decode, ask for pieces.
//
// No C++ exception crosses it: every function catches all of them and reports a message instead.
// Texts are UTF-8 with an explicit length, so a NUL is a character like any other.
// A CSPModel is never written after csp_model_create returns it; all functions that take
// `const CSPModel *` may be called from several threads at once.

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct CSPModel CSPModel;

/// One piece of an encoded text.
typedef struct CSPPiece {
  /// The piece's id in the model.
  int32_t id;
  /// How many bytes of the normalised text it takes. The pieces' sizes add up to that text.
  uint32_t size;
  /// The bytes of the input it comes from, [begin, end), as libsentencepiece tells: of the byte
  /// pieces of one character, the last has them all and the others are empty.
  uint32_t begin;
  uint32_t end;
} CSPPiece;

/// An encoded text, released by csp_encoding_free.
typedef struct CSPEncoding {
  CSPPiece *pieces;
  size_t count;
  /// The text after libsentencepiece's normalisation, spaces as U+2581.
  char *normalized;
  size_t length;
} CSPEncoding;

/// Loads a serialised model. Returns NULL on failure, with a message in *error.
/// Every message of this header is released by csp_free.
CSPModel *csp_model_create(const void *bytes, size_t length, char **error);

void csp_model_destroy(CSPModel *model);

/// The number of pieces; their ids are 0 ..< count.
int32_t csp_piece_count(const CSPModel *model);

/// The text of a piece, owned by the model; NULL if there is no such id.
const char *csp_piece_text(const CSPModel *model, int32_t id, size_t *length);

/// The id of a piece, or that of the unknown piece, as SentencePieceProcessor::PieceToId.
int32_t csp_piece_id(const CSPModel *model, const char *text, size_t length);

/// The id of the unknown piece.
int32_t csp_unknown_id(const CSPModel *model);

/// Encodes a text into *encoding, or returns false and gives *error.
bool csp_encode(const CSPModel *model, const char *text, size_t length, CSPEncoding *encoding, char **error);

void csp_encoding_free(CSPEncoding *encoding);

/// Decodes ids to a text. Returns true and gives *text (released by csp_free) with its *length,
/// or returns false and gives *error. Ids outside 0 ..< csp_piece_count are an error.
bool csp_decode(const CSPModel *model, const int32_t *ids, size_t count, char **text, size_t *length, char **error);

void csp_free(void *pointer);

#ifdef __cplusplus
}
#endif

#endif
