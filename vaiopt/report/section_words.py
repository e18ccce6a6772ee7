"""The section on the words that the report uses."""

from __future__ import annotations

from vaiopt.present.html import Markup, join, tag
from vaiopt.report.data import ReportData
from vaiopt.report.section import Section

WORDS = (
    ("bundle", "the folder that is copied to a kit: model, test samples, golden outputs, scripts"),
    ("calibration", "finding the fix position of each tensor from samples of the training part"),
    ("candidate", "a trial's model with all that was made of it"),
    ("chosen", "the candidate that the objective or a person picked"),
    (
        "cost",
        "what is known of a model before it is trained: parameters, multiply-accumulates, predicted"
        " latency; always a prediction",
    ),
    ("default point", "the hyperparameters that a model family starts from: trial 0"),
    ("DPU", "AMD's processor for int8 networks, a part of the FPGA's configuration"),
    (
        "fix position",
        "the power of two that the int8 numbers of a tensor share: at p the integer q stands for"
        " q · 2^-p",
    ),
    (
        "golden outputs",
        "int8 outputs that the kit must give for a few real inputs, bit for bit",
    ),
    ("hyperparameter", "what a model function asks for; all of them are the search space"),
    ("infeasible", "of a trial: its costs break a hard limit, so it was not trained"),
    ("int8", "whole numbers of eight bits, -128 to 127: what a DPU computes with"),
    (
        "interval, 95 %",
        "Wilson's: where the accuracy lies that many more samples would show, in 95 of 100 cases",
    ),
    ("knee", "the point of a front beyond which a gain costs most"),
    ("latency", "milliseconds of one sample, end to end, at one thread"),
    ("multiply-accumulate (MAC)", "one multiplication and one addition; what a layer's work is"),
    ("objective", "the score of a trial: a metric on validation data, with soft costs if asked"),
    ("p95", "the latency that 95 of 100 calls do not exceed"),
    (
        "Pareto front",
        "the trials that no other beats in both: what more of the one costs of the other",
    ),
    (
        "partial dependence",
        "what the surrogate expects on average when one hyperparameter moves",
    ),
    ("pruned", "of a trial: stopped early because others did better at the same place"),
    ("rank correlation", "Spearman's: 1 where one always rises with the other, -1 where it falls"),
    ("R²", "the share of the variance of trials not seen that the surrogate predicts"),
    ("signal-to-noise ratio", "of a layer's int8 output against its float output: 6 dB are a bit"),
    ("surrogate", "the model of the objective that the sampler fits to the trials"),
    ("target", "a DPU on a board at a clock, in a release of Vitis AI, or the CPU"),
    ("test part", "samples that the search never saw; read for the chosen model only"),
    ("trial", "one point of the search space: built, priced, and trained if it is worth it"),
    ("validation part", "samples that trials are scored on but not trained on"),
)
"""Each word with what it means here, by the alphabet."""


def words(_: ReportData) -> Section:
    """Return the list of the words."""
    rows = [tag("div", join([tag("dt", word), tag("dd", said)])) for word, said in WORDS]
    return Section("What the words mean here.", [Markup(tag("dl", join(rows), class_="words"))])
