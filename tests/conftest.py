"""What all tests share: the builders beside this file can be imported by name (`import pdfs`)."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
