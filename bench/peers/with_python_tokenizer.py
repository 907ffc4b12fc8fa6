"""Captions to token ids on one thread: the reference's Python with ftfy, or the `tokenizers` library from Python."""
import os

os.environ["TOKENIZERS_PARALLELISM"] = "false"

from peers import protocol  # noqa: E402

options = protocol.arguments(library=("reference", "tokenizers"))
if options.library == "reference":
    from clip.clip import _tokenizer

    def encode(captions):
        return [_tokenizer.encode(caption) for caption in captions]
else:
    import tokenizers

    encode = tokenizers.Tokenizer.from_file(f"{options.folder}/tokenizer.json").encode_batch_fast


def tokenize(path):
    captions = protocol.lines(path)
    return protocol.seconds(lambda: encode(captions))


protocol.serve(tokenize=tokenize)
