"""A project file as the first Volumask with a window wrote it: its bytes, and the scan that it was made on."""

from __future__ import annotations

import base64
from pathlib import Path

import nibabel as nib
import numpy as np

SEGMENTS = {"Liver": 128, "Second": 1222}
"""Name and voxels of each segment in it."""
STEPS = 5
"""That can be undone once the one that was undone is done again."""

_BYTES = """
UEsDBBQAAAAIAAFadV0UtkYJEgIAABgKAAAJAAAAY2FzZS5qc29u1VZLb9swDP4rhs5BKr+aZrfdeyiwo5GDLNGJEFsyJDndYPS/j1SC1NlWZD5k
zQC/SJAUv48UrZE11nUisC8JO9h26ITfswV+g/PaGlSnKHk7OAkojKwXYUfGDzvbwYPHhzX4lsIsjdbk6sFp8GRDUtAdOfI3/K7Ba0USm9orvQUf
E1jJpsjXJedcwCNfpTJNV6LOs/UKRFqoPEbfiZ5CVNnTIskKvPkG1Q62x3Srii8SulBbpWhzvDdk1Fq7jyCksx4DaUcOKQZJM7xjoFdtlH0lPV9y
UuKL9EIGfaCF0ZLZXkgdfhCuZVEStM4qaAmDbIX3WsZUgwiRiGpEUrYdmBBXb0UdbYlZIyI97BmDO3KStkWyI8Cc1i/XRyzsoL2uWzIOboCIRu5B
odyI1gMl0Tvb9SGuGF2kNQ0SbmTMYiQTUDoaUD3+nFU2yeobYAh1mdbTI/GJqWV5Pj+v9Gpem8gc9Cfigg4xOPuqVHJmaUphDdjCZGKGtqVKNQFc
hPSvSf8Lzt8b9ZTt1tmhPxfkjPbFahMSa65Avk+Mn1cBPqsEVUX7HudDeTEsyjgsPigMteH7tphumnl9eNttdotOvIL6XmF+ZhnSme04/XVlF7+u
/21M8DufE1jQW4wKkhQeiFAoLlcc2R5PFoSlp5oRFpTh++8nkN56fTprEJRY8I990S07gZnniPTS9YvjkazN209QSwMEFAAAAAgAAVp1XeQerjiJ
AAAAyBYAAAkAAABsYWJlbHMudTjtlEEOgCAMBJf+/9FGSfQC3WIaFLJznEOjA8XsARfmmup8w+cAzADMAJ45HcBMDqaGqQ3rd3ATgc/Z5yzUMLfh
n3aZG72HezaMGN6H707LjDWc2WeVhv6N+vaOxRtGTM773DBYHTWcV/pPu6OGYj1K4Uao4ft/L5W+KTd9E5mz7FmooXZZDUc4AFBLAwQUAAAACAAB
WnVdZhlOPUcAAABCAAAADQAAAGNoYW5nZXMvMS54b3IBQgC9/3gBY2AgATAywhQjWDARatEIkxEsYs1G6ICxGCEAaACUhY1CyKKwQHpgNuNjUd8O
mK2EaGyuIqSHVHky7QAAmCQAgVBLAwQUAAAACAABWnVdiBYuF00BAABIAQAADQAAAGNoYW5nZXMvMy54b3IBSAG3/ngB7ZPbDsIwDEOn/f9Hoyyy
7Dppx0UgQNvL6lMncyLYdz7b8VDveyXJ1FNJrXKSetvYxwk0PU6o4VESbNQdccdzmlPgm2tSN1ZJJln1QVZ6nEBjP0gXPKvo6Ei3Me2h1a+eOQWS
nRN3dBpz8c5JJOdtnJzkbOpxklr7OIGmxwk1PEqCjboSTZhznBN3dBp5eOckkvE2Tk4yu3qcpNY+TqDpcUINj5Jgo65klRDV6qmTVpLf1ConSEXP
4wQV8c4+SuqkHRkrnlWcottYdlVP3VgltcoJ0rLz4wQV8f6WHSLTaq7zPaML5kIFJ+0I2err2pvnPLGD37xf35OZHiSdEyaG55zQgc2vSfevRDKt
/NQ5J9WvzYimnO1n3Sc3pJ6DjOAH1WxjOspsY3WrtUrJv+5wnHGmdFvpqWRWe/HZxq4d8rdxA0yTCY1QSwMEFAAAAAgAAVp1XTXumeYTAAAAEQAA
AA0AAABjaGFuZ2VzLzQueG9yq2BMTpBgXazo8FeAgYEpgoERAFBLAQIUAxQAAAAIAAFadV0UtkYJEgIAABgKAAAJAAAAAAAAAAAAAACAAQAAAABj
YXNlLmpzb25QSwECFAMUAAAACAABWnVd5B6uOIkAAADIFgAACQAAAAAAAAAAAAAAgAE5AgAAbGFiZWxzLnU4UEsBAhQDFAAAAAgAAVp1XWYZTj1H
AAAAQgAAAA0AAAAAAAAAAAAAAIAB6QIAAGNoYW5nZXMvMS54b3JQSwECFAMUAAAACAABWnVdiBYuF00BAABIAQAADQAAAAAAAAAAAAAAgAFbAwAA
Y2hhbmdlcy8zLnhvclBLAQIUAxQAAAAIAAFadV017pnmEwAAABEAAAANAAAAAAAAAAAAAACAAdMEAABjaGFuZ2VzLzQueG9yUEsFBgAAAAAFAAUA
HwEAABEFAAAAAA==
"""


def write(folder: Path) -> Path:
    """Put scan and project into a folder; returns the project's path."""
    voxels = np.zeros((20, 24, 28), np.int16)
    voxels[5:15, 6:18, 7:21] = 100
    nib.save(nib.Nifti1Image(voxels, np.diag([1.0, 1, 2, 1])), folder / "scan.nii")
    path = folder / "old.volumask"
    path.write_bytes(base64.b64decode(_BYTES))
    return path
