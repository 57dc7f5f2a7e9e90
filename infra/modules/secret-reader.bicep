// A right to read one secret of a vault: for the app setting that refers to it.

@description('Name of the vault, which uses Azure role-based access')
param vaultName string

@description('Name of the secret')
param secretName string

@description('Principal id of the app\'s identity')
param principalId string

var secretsUser = '4633458b-17de-408a-b874-0445c86b69e6' // Key Vault Secrets User

resource secret 'Microsoft.KeyVault/vaults/secrets@2026-05-15' existing = {
  name: '${vaultName}/${secretName}'
}

resource assignment 'Microsoft.Authorization/roleAssignments@2022-04-01' = {
  name: guid(secret.id, principalId, secretsUser)
  scope: secret
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', secretsUser)
  }
}
