// Roles of in-subscription.bicep for one principal, on a whole subscription.
targetScope = 'subscription'

@description('The deployment\'s owner, as in its policy')
param owner string

@description('Which roles of roles/rights.json')
param assigned array

@description('Principal id of an app\'s identity')
param principalId string

resource assignments 'Microsoft.Authorization/roleAssignments@2022-04-01' = [for key in assigned: {
  name: guid(subscription().id, owner, key, principalId)
  properties: {
    principalId: principalId
    principalType: 'ServicePrincipal'
    roleDefinitionId: subscriptionResourceId('Microsoft.Authorization/roleDefinitions', guid(subscription().id, owner, key))
  }
}]
