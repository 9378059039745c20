"""`resnet-export sources`: what can be exported, with an example of each."""

import click

SOURCES = (
    ("a new ResNet", "resnet-export --depth 50 --framework torch"),
    ("a checkpoint of PyTorch, Lightning or timm", "resnet-export epoch=12.ckpt"),
    ("safetensors, in one file or several", "resnet-export model.safetensors.index.json"),
    ("weights of Keras or NumPy", "resnet-export my.weights.h5"),
    ("a folder of Hugging Face's hub", "resnet-export ./microsoft-resnet-50/"),
    ("torchvision's published weights", "resnet-export IMAGENET1K_V2 --depth 50"),
    ("a whole model of Keras, .keras or .h5", "resnet-export my.keras"),
    ("a file of another exporter", "resnet-export other.onnx"),
    ("a model of timm, with a checkpoint", "resnet-export timm:resnetaa50 --weights my.pth"),
    ("a model of torchvision, with a checkpoint", "resnet-export torchvision:resnet50 --weights my.pth"),
    ("your own code, with a checkpoint", "resnet-export --model my_package.models:build --weights my.ckpt"),
    ("a live model, from Python", "resnet_export.export(model, 'my.onnx')"),
)
"""(what it is, an example)."""


@click.command(help="List what can be exported, with an example of each.")
def sources() -> None:
    """Prints the table."""
    for title, example in SOURCES:
        click.echo(f"{title}\n    {example}")
