"""What people look at: a package or module for each subject, over the kit that all of them use."""
