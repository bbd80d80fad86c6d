module mnist-pipeline/sarif

go 1.24.0
