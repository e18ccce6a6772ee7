"""What a model costs on a target, known before it is trained: targets, operator rules, latency
model, inspection.

TensorFlow is never imported here; a live model is read through its own methods, a file without
building anything.
"""

from vaiopt.hardware.inspection import Inspection as Inspection
from vaiopt.hardware.inspection import LayerReport as LayerReport
from vaiopt.hardware.inspection import costs as costs
from vaiopt.hardware.inspection import input_levels as input_levels
from vaiopt.hardware.inspection import inspect_model as inspect_model
from vaiopt.hardware.left import Left as Left
from vaiopt.hardware.left import host_softmaxes as host_softmaxes
from vaiopt.hardware.left import left_to_cpu as left_to_cpu
from vaiopt.hardware.target import Target as Target
from vaiopt.hardware.target import TargetSummary as TargetSummary
from vaiopt.hardware.targets import list_targets as list_targets
from vaiopt.hardware.targets import load_target as load_target
from vaiopt.network.read import read_graph as read_graph
