"""Auth methods: one file each, or a package where that is too long."""
