"""A deterministic stand-in for a network: any vocabulary, any length, and it writes down what it was asked.

Its laws depend on which tokens are known where, as a network's do, and on nothing else.
"""

import torch


class TinyNetwork:
    def __init__(
        self,
        vocab_size=11,
        mask_token_id=10,
        end_of_text_id=None,
        forbidden_ids=None,
        length=None,
        sharpness=2.0,
        favourite=None,
        calls_per_query=1,
        dtype=torch.float32,
    ):
        self.vocab_size = vocab_size
        self.mask_token_id = mask_token_id
        self.end_of_text_id = end_of_text_id
        self.forbidden_ids = (mask_token_id,) if forbidden_ids is None else forbidden_ids
        self.length = length
        self.device = torch.device("cpu")
        self.calls_per_query = calls_per_query
        self.sharpness = sharpness
        self.favourite = favourite  # a token the network would write everywhere
        self.dtype = dtype
        self.rows_served = 0
        self.positions_asked = 0
        self.forwards = 0

    def log_probs(self, tokens, known, wanted):
        self.forwards += 1
        self.rows_served += len(tokens)
        self.positions_asked += len(wanted.rows)
        assert not known[wanted.rows, wanted.columns].any(), "a known position was asked for"
        columns = torch.arange(tokens.shape[1])
        # one number a row that changes with every known token and its place; unknown tokens must not matter
        summary = torch.where(known, (tokens + 1).double() * (columns + 1).double().sqrt(), 0.0).sum(1)
        places = torch.arange(self.vocab_size).double()
        phase = summary[wanted.rows, None] + 1.7 * wanted.columns[:, None].double()
        logits = self.sharpness * torch.sin(phase * (1 + places / 7) + places**2)
        if self.favourite is not None:
            logits[:, self.favourite] += 20
        return logits.float().log_softmax(-1).to(self.dtype)
