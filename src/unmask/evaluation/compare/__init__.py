"""`unmask compare`: every decoding rule on the same texts, in exact nats against network calls.

rules      names and the settings they stand for
ground     the model, the texts, and one token at a time
attempt    one rule: scored, sampled, looked at, timed
trial      what is found out about one rule, and of all together
run        the whole of it, in a folder, resumable
"""
