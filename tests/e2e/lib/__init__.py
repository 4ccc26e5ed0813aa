"""What the end-to-end tests and the demo are written in. Start reading at cluster.py."""

from .cluster import Cluster, living_clusters
from .daemons import PATRONI, SUBJECT
from .wait import holds_for, wait_until
from .workload import Prober, Witness, Writer
