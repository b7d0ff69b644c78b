"""ToMP: transformers predict the weights of a target model (`tomp-50`, `tomp-l-22`, `tomp-l-27`)."""
