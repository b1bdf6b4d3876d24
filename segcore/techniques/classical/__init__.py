"""Classical techniques

No training, no data: a rule that a person can write down, applied to brightness, edges, regions,
colour or texture. They are fast, they explain themselves, and they are where every pipeline starts.
"""
